/** The routing decision, row by row as its truth table in core/routing.ts. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decideInbound, decideOutbound } from '../../core/routing.ts'
import type { FeedService } from '../../core/routing-feed.ts'
import { formatAddress, type RoutingTable, type ServicePort } from '../../core/routing-table.ts'
import { feedPort, feedService, snapshot, tableOf } from './feed-fixture.ts'

const PARENTS = { dev: null, alice: 'dev', feature: 'alice', bob: 'dev', qa: null, eve: 'qa' }
const DEV = { ip: '10.96.0.1', port: 80 }
const ALICE = { ip: '10.96.0.2', port: 80 }
const FEATURE = { ip: '10.96.0.3', port: 80 }

const ready = feedPort()
const notReady = feedPort({ ready: 0 })
const otherPort = feedPort({ port: 81 })

/** `web` in dev, alice and feature, each with the port given; null leaves it out. */
function worldOf(
  dev: typeof ready | null,
  alice: typeof ready | null,
  feature: typeof ready | null = null,
): RoutingTable {
  const services: FeedService[] = [feedService('qa/web', ['10.96.0.9'])]
  if (dev) services.push(feedService('dev/web', [DEV.ip], [dev]))
  if (alice) services.push(feedService('alice/web', [ALICE.ip], [alice]))
  if (feature) services.push(feedService('feature/web', [FEATURE.ip], [feature]))
  return tableOf(snapshot(PARENTS, services))
}

const step = (space: string, outcome: string) => ({ space, outcome })

test.each([
  ['the internet', { ip: '192.0.2.1', port: 80 }],
  ['another port of a service', { ip: DEV.ip, port: 81 }],
])('%s is no service of a space: the original is kept', (_, destination) => {
  expect(decideOutbound(worldOf(ready, ready), destination, 'alice')).toEqual({
    reason: 'not-a-space-service',
    target: destination,
    service: null,
    tried: [],
  })
})

test('without a context the original is kept', () => {
  expect(decideOutbound(worldOf(ready, ready), DEV, null)).toEqual({
    reason: 'no-context',
    target: DEV,
    service: { space: 'dev', name: 'web', port: 80 },
    tried: [],
  })
})

test.each(['qa', 'eve', 'nobody'])('the context %s is in another tree or in none', (context) => {
  expect(decideOutbound(worldOf(ready, ready), DEV, context)).toEqual({
    reason: 'other-tree',
    target: DEV,
    service: { space: 'dev', name: 'web', port: 80 },
    tried: [],
  })
})

test.each([
  [
    'child: its own version is ready',
    worldOf(ready, ready),
    'alice',
    ALICE,
    'child',
    [step('alice', 'chosen')],
  ],
  [
    'grandchild: its own version is ready',
    worldOf(ready, ready, ready),
    'feature',
    FEATURE,
    'child',
    [step('feature', 'chosen')],
  ],
  [
    'root: its version is ready',
    worldOf(ready, ready),
    'dev',
    DEV,
    'root',
    [step('dev', 'chosen')],
  ],
  [
    'ancestor, nearer ones have none',
    worldOf(ready, null),
    'feature',
    DEV,
    'fallback-absent',
    [step('feature', 'absent'), step('alice', 'absent'), step('dev', 'chosen')],
  ],
  [
    'parent in the middle of the chain',
    worldOf(ready, ready),
    'feature',
    ALICE,
    'fallback-absent',
    [step('feature', 'absent'), step('alice', 'chosen')],
  ],
  [
    'ancestor, a nearer one is not ready',
    worldOf(ready, notReady),
    'alice',
    DEV,
    'fallback-not-ready',
    [step('alice', 'not-ready'), step('dev', 'chosen')],
  ],
  [
    'not ready counts more than absent',
    worldOf(ready, notReady),
    'feature',
    DEV,
    'fallback-not-ready',
    [step('feature', 'absent'), step('alice', 'not-ready'), step('dev', 'chosen')],
  ],
  [
    'a version without that port counts as absent',
    worldOf(ready, otherPort),
    'alice',
    DEV,
    'fallback-absent',
    [step('alice', 'no-port'), step('dev', 'chosen')],
  ],
])('%s', (_, table, context, target, reason, tried) => {
  const decision = decideOutbound(table, DEV, context)
  const space = tried.at(-1)?.space
  expect(decision).toEqual({ reason, target, service: { space, name: 'web', port: 80 }, tried })
})

test('with nothing ready in the chain the original is kept, and the search is shown', () => {
  expect(decideOutbound(worldOf(notReady, notReady), ALICE, 'alice')).toEqual({
    reason: 'none-ready',
    target: ALICE,
    service: { space: 'alice', name: 'web', port: 80 },
    tried: [step('alice', 'not-ready'), step('dev', 'not-ready')],
  })
})

test('a call to the child’s address goes to the root’s version for a root request', () => {
  expect(decideOutbound(worldOf(ready, ready), ALICE, 'dev')).toMatchObject({
    reason: 'root',
    target: DEV,
  })
})

test('siblings do not see each other: bob never gets alice’s version', () => {
  expect(decideOutbound(worldOf(ready, ready), ALICE, 'bob')).toMatchObject({
    reason: 'fallback-absent',
    target: DEV,
  })
  expect(decideOutbound(worldOf(null, ready), ALICE, 'bob').reason).toBe('none-ready')
})

test('the family of the original is kept where the target has it', () => {
  const table = tableOf(
    snapshot(PARENTS, [
      feedService('dev/web', ['10.96.0.1', 'fd00::1']),
      feedService('alice/web', ['10.96.0.2', 'fd00::2']),
    ]),
  )
  expect(decideOutbound(table, DEV, 'alice').target.ip).toBe('10.96.0.2')
  expect(decideOutbound(table, { ip: 'fd00::1', port: 80 }, 'alice').target.ip).toBe('fd00::2')
  expect(decideOutbound(table, { ip: 'fd00::1', port: 80 }, 'dev').target.ip).toBe('fd00::1')
})

test('a target of only the other family is used all the same', () => {
  const table = tableOf(
    snapshot(PARENTS, [feedService('dev/web', ['fd00::1']), feedService('alice/web', [ALICE.ip])]),
  )
  expect(decideOutbound(table, { ip: 'fd00::1', port: 80 }, 'alice').target).toEqual(ALICE)
})

const HEADLESS_DEV = ['10.244.0.1:8080', '10.244.0.2:8080']
const HEADLESS_ALICE = ['10.244.0.3:9090', '10.244.0.4:9090']
const headless = tableOf(
  snapshot(PARENTS, [
    feedService('dev/db', [], [feedPort({ ready: 2, endpoints: HEADLESS_DEV })]),
    feedService('alice/db', [], [feedPort({ ready: 2, endpoints: HEADLESS_ALICE })]),
    feedService('dev/mixed', ['10.96.0.7']),
    feedService('alice/mixed', [], [feedPort({ ready: 1, endpoints: ['10.244.0.5:9090'] })]),
  ]),
)

test('headless: the caller’s choice of endpoint stands within the chosen version', () => {
  const endpoint = { ip: '10.244.0.2', port: 8080 }
  expect(decideOutbound(headless, endpoint, 'dev')).toMatchObject({
    reason: 'root',
    target: endpoint,
  })
})

test('headless: another version is reached at one of its ready endpoints', () => {
  for (let i = 0; i < 20; i++) {
    const { reason, target } = decideOutbound(headless, { ip: '10.244.0.1', port: 8080 }, 'alice')
    expect(reason).toBe('child')
    expect(HEADLESS_ALICE).toContain(formatAddress(target))
  }
})

test('a cluster IP leads to the endpoint of a headless child version, and back', () => {
  const clusterIp = { ip: '10.96.0.7', port: 80 }
  const endpoint = { ip: '10.244.0.5', port: 9090 }
  expect(decideOutbound(headless, clusterIp, 'alice').target).toEqual(endpoint)
  expect(decideOutbound(headless, endpoint, 'dev').target).toEqual(clusterIp)
})

test('a space whose parent is missing is a tree of its own', () => {
  const table = tableOf(
    snapshot({ lost: 'gone', dev: null }, [
      feedService('lost/web', [ALICE.ip]),
      feedService('dev/web', [DEV.ip]),
    ]),
  )
  expect(decideOutbound(table, DEV, 'lost').reason).toBe('other-tree')
  expect(decideOutbound(table, ALICE, 'lost').target).toEqual(ALICE)
})

const APP = { ip: '10.244.0.50', port: 8080 }

function ownIn(table: RoutingTable, space: string): ServicePort {
  const service = table.service(space, 'web')
  const port = service?.ports[0]
  if (!service || !port) throw new Error(`no web in ${space}`)
  return { service, port }
}

test.each([
  ['no context', 'dev', worldOf(ready, ready), null, APP, 'no-context'],
  ['the root’s own request', 'dev', worldOf(ready, ready), 'dev', APP, 'local'],
  ['the child’s own request', 'alice', worldOf(ready, ready), 'alice', APP, 'local'],
  ['a child’s request at the root', 'dev', worldOf(ready, ready), 'alice', ALICE, 'child'],
  ['a root request at the child', 'alice', worldOf(ready, ready), 'dev', DEV, 'root'],
  ['a fallback that this pod is', 'dev', worldOf(ready, null), 'alice', APP, 'fallback-absent'],
  [
    'a fallback for a version that is not ready',
    'dev',
    worldOf(ready, notReady),
    'alice',
    APP,
    'fallback-not-ready',
  ],
  ['a sibling’s request', 'alice', worldOf(ready, ready), 'bob', DEV, 'fallback-absent'],
  ['another tree', 'dev', worldOf(ready, ready), 'qa', APP, 'other-tree'],
  ['nothing ready', 'dev', worldOf(notReady, null), 'alice', APP, 'none-ready'],
])('inbound: %s, in a pod of %s', (_, space, table, context, target, reason) => {
  expect(decideInbound(table, ownIn(table, space), APP, context)).toMatchObject({ target, reason })
})

test('inbound: a port that is no service is the app’s own business', () => {
  expect(decideInbound(worldOf(ready, ready), null, APP, 'alice')).toEqual({
    reason: 'not-a-space-service',
    target: APP,
    service: null,
    tried: [],
  })
})

test('a header can never lead out of the service’s tree, nor to a version that is not ready', () => {
  const port = fc.option(fc.constantFrom(ready, notReady, otherPort))
  const context = fc.constantFrom('dev', 'alice', 'feature', 'bob', 'qa', 'eve', 'nobody')
  fc.assert(
    fc.property(port, port, port, context, (dev, alice, feature, name) => {
      const table = worldOf(dev, alice, feature)
      const { target, reason } = decideOutbound(table, DEV, name)
      const found = table.serviceAt(target)
      if (formatAddress(target) === formatAddress(DEV)) return
      expect(found && table.root(found.service.space)).toBe('dev')
      expect(found?.port.ready).toBeGreaterThan(0)
      expect(table.chain(name)?.names).toContain(found?.service.space)
      expect(['child', 'fallback-absent', 'fallback-not-ready']).toContain(reason)
    }),
  )
})
