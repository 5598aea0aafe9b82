/** The routing table: snapshot, deltas, and look-up by address. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FeedMessage, FeedService } from '../../core/routing-feed.ts'
import { formatAddress, parseAddress, RoutingTable } from '../../core/routing-table.ts'
import { feedPort, feedService, snapshot, tableOf } from './feed-fixture.ts'

type Delta = Extract<FeedMessage, { type: 'delta' }>

function delta(change: Partial<Delta>): Delta {
  return {
    type: 'delta',
    version: { epoch: 'e', number: 2 },
    spaces: { put: [], remove: [] },
    services: { put: [], remove: [] },
    self: null,
    ...change,
  }
}

test('an empty table has no version and knows nothing', () => {
  const table = new RoutingTable()
  expect(table.version).toBeNull()
  expect(table.serviceAt({ ip: '10.96.0.1', port: 80 })).toBeNull()
  expect(table.root('dev')).toBeNull()
})

test('a delta before any snapshot is refused', () => {
  expect(() => new RoutingTable().apply(delta({}))).toThrow('before any snapshot')
})

test('a heartbeat changes nothing', () => {
  const table = new RoutingTable()
  table.apply({ type: 'heartbeat', version: { epoch: 'e', number: 9 } })
  expect(table.version).toBeNull()
})

test('a service is found by each cluster IP with its port, and by no other', () => {
  const web = feedService('dev/web', ['10.96.0.1', 'fd00::1'], [feedPort(), feedPort({ port: 81 })])
  const table = tableOf(snapshot({ dev: null }, [web]))
  expect(table.serviceAt({ ip: '10.96.0.1', port: 81 })?.port.port).toBe(81)
  expect(table.serviceAt({ ip: 'fd00::1', port: 80 })?.service.name).toBe('web')
  expect(table.serviceAt({ ip: '10.96.0.1', port: 82 })).toBeNull()
  expect(table.serviceAt({ ip: '10.96.0.2', port: 80 })).toBeNull()
})

test('a headless service is found by its endpoints', () => {
  const db = feedService('dev/db', [], [feedPort({ port: 5432, endpoints: ['10.244.0.9:5433'] })])
  const table = tableOf(snapshot({ dev: null }, [db]))
  expect(table.serviceAt({ ip: '10.244.0.9', port: 5433 })?.port.port).toBe(5432)
})

test('a snapshot replaces everything', () => {
  const table = tableOf(snapshot({ dev: null }, [feedService('dev/web', ['10.96.0.1'])]))
  const self = [{ service: 'api', port: 80, targetPort: 8080 }]
  table.apply(snapshot({ qa: null }, [feedService('qa/api', ['10.96.0.2'])], self))
  expect(table.serviceAt({ ip: '10.96.0.1', port: 80 })).toBeNull()
  expect([...table.spaces.keys()]).toEqual(['qa'])
  expect(table.self).toEqual(self)
})

test('a delta puts and removes services and spaces, and moves a space to another parent', () => {
  const table = tableOf(
    snapshot({ dev: null, alice: 'dev', qa: null }, [feedService('dev/web', ['10.96.0.1'])]),
  )
  expect(table.root('alice')).toBe('dev')
  table.apply(
    delta({
      spaces: { put: [{ name: 'alice', parent: 'qa' }], remove: ['dev'] },
      services: { put: [feedService('qa/web', ['10.96.0.2'])], remove: ['dev/web'] },
    }),
  )
  expect(table.root('alice')).toBe('qa')
  expect(table.chain('dev')).toBeNull()
  expect(table.service('dev', 'web')).toBeNull()
  expect(table.serviceAt({ ip: '10.96.0.1', port: 80 })).toBeNull()
  expect(table.serviceAt({ ip: '10.96.0.2', port: 80 })?.service.space).toBe('qa')
  expect(table.version?.number).toBe(2)
})

test('self is kept unless a delta brings a new list', () => {
  const self = [{ service: 'web', port: 80, targetPort: 8080 }]
  const table = tableOf(snapshot({ dev: null }, [], self))
  table.apply(delta({}))
  expect(table.self).toEqual(self)
  table.apply(delta({ self: [] }))
  expect(table.self).toEqual([])
})

test.each([
  ['the new owner first', ['dev/b', 'dev/a']],
  ['the old owner first', ['dev/a', 'dev/b']],
])('a cluster IP that passes to another service in one delta is found there: %s', (_, order) => {
  const table = tableOf(
    snapshot({ dev: null }, [
      feedService('dev/a', ['10.96.0.1']),
      feedService('dev/b', ['10.96.0.2']),
    ]),
  )
  const now = {
    'dev/a': feedService('dev/a', ['10.96.0.3']),
    'dev/b': feedService('dev/b', ['10.96.0.1']),
  }
  const put = order.map((key) => now[key as keyof typeof now])
  table.apply(delta({ services: { put, remove: [] } }))
  expect(table.serviceAt({ ip: '10.96.0.1', port: 80 })?.service.name).toBe('b')
  expect(table.serviceAt({ ip: '10.96.0.2', port: 80 })).toBeNull()
  expect(table.serviceAt({ ip: '10.96.0.3', port: 80 })?.service.name).toBe('a')
})

test('headless services that share an endpoint do not lose it when one of them goes', () => {
  const shared = [feedPort({ endpoints: ['10.244.0.9:80'] })]
  const table = tableOf(
    snapshot({ dev: null }, [feedService('dev/a', [], shared), feedService('dev/b', [], shared)]),
  )
  expect(table.serviceAt({ ip: '10.244.0.9', port: 80 })?.service.name).toBe('a')
  table.apply(delta({ services: { put: [], remove: ['dev/a'] } }))
  expect(table.serviceAt({ ip: '10.244.0.9', port: 80 })?.service.name).toBe('b')
  table.apply(delta({ services: { put: [], remove: ['dev/b'] } }))
  expect(table.serviceAt({ ip: '10.244.0.9', port: 80 })).toBeNull()
})

const anyService: fc.Arbitrary<FeedService> = fc
  .record({
    key: fc.constantFrom('dev/a', 'dev/b', 'alice/a', 'alice/b'),
    ips: fc.uniqueArray(fc.constantFrom('10.96.0.1', '10.96.0.2', 'fd00::1'), { maxLength: 2 }),
    endpoints: fc.uniqueArray(fc.constantFrom('10.244.0.1:80', '10.244.0.2:80'), { maxLength: 2 }),
  })
  .map(({ key, ips, endpoints }) =>
    feedService(key, ips, [feedPort({ endpoints: ips.length > 0 ? [] : endpoints })]),
  )

test('deltas lead to the same table as one snapshot of the end', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), anyService), { maxLength: 30 }), (steps) => {
      const stepwise = tableOf(snapshot({ dev: null, alice: 'dev' }, []))
      for (const [put, service] of steps) {
        const remove = put ? [] : [`${service.space}/${service.name}`]
        stepwise.apply(delta({ services: { put: put ? [service] : [], remove } }))
      }
      const atOnce = tableOf(snapshot({ dev: null, alice: 'dev' }, [...stepwise.services.values()]))
      for (const ip of ['10.96.0.1', '10.96.0.2', 'fd00::1', '10.244.0.1', '10.244.0.2']) {
        expect(stepwise.serviceAt({ ip, port: 80 })).toEqual(atOnce.serviceAt({ ip, port: 80 }))
      }
    }),
  )
})

test('what is printed as an address can be read again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 65535 }), (ip, port) => {
      expect(parseAddress(formatAddress({ ip, port }))).toEqual({ ip, port })
    }),
  )
})

test.each([
  '',
  'web:80',
  '1.2.3.4',
  '1.2.3.4:',
  '1.2.3.4:65536',
  '1.2.3:80',
  '....:80',
  'fd00::1:80',
  '[fd00::1]',
  '[1.2.3.4]:80',
  '[:::]:80',
  '1.2.3.4:80 ',
])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeNull()
})
