import { expect, test } from '@jest/globals'
import {
  lookUpChain,
  peekAuthority,
  plainService,
  searchedSpaces,
} from '../../proxy/dns-fallback.ts'

test.each([
  ['orders', 'orders'],
  ['Orders:8080', 'orders'],
  ['orders.dev', null],
  ['orders.dev.svc.cluster.local', null],
  ['10.0.0.1', null],
  ['[::1]:80', null],
  ['', null],
  [null, null],
])('%s names the plain service %s', (authority, name) => {
  expect(plainService(authority)).toBe(name)
})

test.each([
  ['none', null, ['alice', 'dev']],
  ['its own', 'alice', ['alice', 'dev']],
  ['the parent', 'dev', ['dev']],
  ['an unknown one', 'zoe', ['alice', 'dev']],
])('with %s as context the search begins there', (_, context, spaces) => {
  expect(searchedSpaces(['alice', 'dev'], context)).toEqual(spaces)
})

test.each([
  ['GET / HTTP/1.1\r\nA: b\r\nhost:  orders:80 \r\n\r\n', 'orders:80'],
  ['GET http://web/ HTTP/1.1\r\nHost: orders\r\n\r\n', 'web'],
  ['CONNECT db:443 HTTP/1.1\r\nHost: orders\r\n\r\n', 'db:443'],
  ['GET / HTTP/1.1\r\nHost: ord', null],
  ['GET / HTTP/1.1\r\n', null],
])('the authority of %j is %s', (first, authority) => {
  expect(peekAuthority(Buffer.from(first))).toBe(authority)
})

const NAMES: Record<string, string[]> = {
  'orders.alice.svc.cluster.local.': ['10.0.1.1'],
  'orders.dev.svc.cluster.local.': ['10.0.0.1'],
  'db.dev.svc.cluster.local.': ['10.1.0.1', '10.1.0.2'],
}

function options(asked: string[] = []) {
  const resolve = async (name: string, family: number) => {
    asked.push(`${name}/${family}`)
    const found = NAMES[name]
    if (!found) throw new Error('ENOTFOUND')
    return found
  }
  return { spaceChain: ['alice', 'dev'], clusterDomain: 'cluster.local', resolve }
}

test('a service is looked up by its full name in every space of the chain', async () => {
  const asked: string[] = []
  const named = await lookUpChain('orders:80', '10.0.1.1', options(asked))
  expect(asked).toEqual(
    Object.keys(NAMES)
      .slice(0, 2)
      .map((name) => `${name}/4`),
  )
  expect(named?.('orders', 'alice')).toMatchObject({ space: 'alice', ip: '10.0.1.1' })
  expect(named?.('orders', 'dev')).toMatchObject({ space: 'dev', ip: '10.0.0.1' })
  expect(named?.('stock', 'dev')).toBeNull()
})

test('a headless service keeps the endpoint that its client has chosen', async () => {
  const named = await lookUpChain('db', '10.1.0.2', options())
  expect(named?.('db', 'alice')).toEqual({
    ip: '10.1.0.2',
    space: 'dev',
    name: 'db',
    tried: [
      { space: 'alice', outcome: 'absent' },
      { space: 'dev', outcome: 'chosen' },
    ],
  })
})

test('a client that names a service but talks to something else is left alone', async () => {
  expect(await lookUpChain('orders', '93.184.216.34', options())).toBeNull()
  expect(await lookUpChain('orders.example.test', '10.0.1.1', options())).toBeNull()
})

test('DNS that does not answer holds a request up for a second at most', async () => {
  const begin = performance.now()
  const silent = { ...options(), resolve: () => new Promise<string[]>(() => {}) }
  expect(await lookUpChain('orders', '10.0.1.1', silent)).toBeNull()
  expect(performance.now() - begin).toBeLessThan(10_000)
})
