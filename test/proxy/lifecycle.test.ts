import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { spaceOfHost } from '../../core/context.ts'
import { parseTraceParent } from '../../core/trace-context.ts'
import { countAppSockets } from '../../proxy/app-presence.ts'
import { backOffMs } from '../../proxy/back-off.ts'
import { Connections } from '../../proxy/connections.ts'
import { absoluteHost, controllerTarget } from '../../proxy/controller-endpoint.ts'
import { DestinationExperience } from '../../proxy/destination-experience.ts'
import { waitUntilQuiet } from '../../proxy/drain.ts'
import { TraceMemory } from '../../proxy/trace-memory.ts'
import { waitUntilReady } from '../../proxy/wait.ts'

describe('the app’s presence', () => {
  const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1
   1: 00000000:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 42 1
   2: 0700F40A:8E2A 0100600A:0050 01 00000000:00000000 00:00000000 00000000     0        0 43 1
   3: 0700F40A:8E2B 0100600A:0050 06 00000000:00000000 03:00000F3B 00000000     0        0 0 3
   4: 0700F40A:8E2C 0100600A:0050 01 00000000:00000000 00:00000000 00000000  1337        0 44 1
`
  test('is told by live sockets of other uids; time-wait and our own do not count', () => {
    expect(countAppSockets(TABLE, 1337)).toBe(2)
    expect(countAppSockets(TABLE, 1000)).toBe(3)
    expect(countAppSockets('', 1337)).toBe(0)
  })
})

describe('a drain', () => {
  function drain(connections: Connections, appSockets: () => number, deadlineMs = 2000) {
    const options = { connections, quietMs: 100, deadlineMs, now: () => performance.now() }
    return waitUntilQuiet({ ...options, appSockets: async () => appSockets() })
  }

  test('ends when nothing is in flight and the app is gone', async () => {
    expect(await drain(new Connections(), () => 0)).toBe('quiet')
  })

  test('waits for what is in flight, and starts its quiet time again after it', async () => {
    const connections = new Connections()
    connections.begin()
    setTimeout(() => connections.end(), 200)
    const begin = performance.now()
    expect(await drain(connections, () => 0)).toBe('quiet')
    expect(performance.now() - begin).toBeGreaterThanOrEqual(290)
  })

  test('ends at the deadline while the app is still there', async () => {
    expect(await drain(new Connections(), () => 1, 200)).toBe('deadline')
  })
})

describe('the trace memory', () => {
  function memory(entries: number) {
    let time = 0
    const kept = new TraceMemory({ entries, maxAgeMs: 100 }, () => time)
    return { kept, pass: (ms: number) => (time += ms) }
  }

  test('forgets by age, counted from the last request of the trace', () => {
    const { kept, pass } = memory(10)
    kept.remember('a', 'alice')
    pass(60)
    kept.remember('a', 'bob')
    pass(60)
    expect(kept.spaceOf('a')).toBe('bob')
    pass(60)
    expect(kept.spaceOf('a')).toBeNull()
    kept.remember('b', 'alice')
    expect(kept.size).toBe(1)
  })

  test('forgets the oldest beyond its count', () => {
    const { kept } = memory(2)
    for (const id of ['a', 'b', 'a', 'c']) kept.remember(id, 'alice')
    expect(['a', 'b', 'c'].map((id) => kept.spaceOf(id))).toEqual(['alice', null, 'alice'])
    expect(kept.size).toBe(2)
  })

  test('does not hold on to the headers that its entries were cut from', () => {
    const { kept } = memory(1000)
    const before = heapUsed()
    for (let i = 0; i < 1000; i++) {
      const id = (i + 1).toString(16).padStart(32, '0')
      const header = `01-${id}-b7ad6b7169203331-01-${'x'.repeat(60_000)}`
      const host = `a-space-with-a-long-name.s.dev.web.${'x'.repeat(60_000)}`
      const traceId = parseTraceParent(Buffer.from(header).toString())?.traceId ?? ''
      kept.remember(traceId, spaceOfHost(Buffer.from(host).toString()) ?? '')
    }
    expect(kept.size).toBe(1000)
    expect(heapUsed() - before).toBeLessThan(5e6)
  })
})

/** Bytes on the heap that something still needs. */
function heapUsed(): number {
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

test('the experience with destinations is bounded and forgets what was used longest ago', () => {
  const experience = new DestinationExperience()
  const at = (port: number) => ({ ip: '10.0.0.1', port })
  for (let port = 0; port < 1000; port++) experience.note(at(port), 'http')
  experience.note(at(0), 'greeting')
  experience.note(at(1000), 'http')
  expect([0, 1, 2, 1000].map((port) => experience.of(at(port)))).toEqual([
    'greeting',
    null,
    'http',
    'http',
  ])
})

test.each([
  [1, 0, 125],
  [1, 1, 250],
  [3, 1, 1000],
  [6, 0, 2500],
  [1000, 1, 5000],
])('after %d failures the wait doubles up to a bound', (failures, random, ms) => {
  expect(backOffMs(failures, random)).toBe(ms)
})

test.each([
  ['azds-controller.azds.svc.cluster.local', 'azds-controller.azds.svc.cluster.local.'],
  ['azds-controller.azds.svc.cluster.local.', 'azds-controller.azds.svc.cluster.local.'],
  ['azds-controller.azds.svc', 'azds-controller.azds.svc.cluster.local.'],
  ['azds-controller.azds', 'azds-controller.azds.svc.cluster.local.'],
  ['a.azds.example.test', 'a.azds.example.test'],
  ['controller.example.test', 'controller.example.test'],
  ['10.0.0.1', '10.0.0.1'],
])('%s is resolved as %s', (host, resolved) => {
  expect(absoluteHost(host, 'cluster.local')).toBe(resolved)
})

test.each([
  [
    'http://c.azds.svc.cluster.local',
    { hostname: 'c.azds.svc.cluster.local.', hostHeader: 'c.azds.svc.cluster.local', port: 80 },
  ],
  ['https://a.test.:8443/x/', { hostname: 'a.test.', hostHeader: 'a.test:8443', prefix: '/x' }],
  ['http://[::1]:80', { hostname: '::1', hostHeader: '[::1]', port: 80, prefix: '' }],
])('the controller’s URL %s is taken apart', (url, parts) => {
  expect(controllerTarget(url, 'cluster.local')).toMatchObject(parts)
})

describe('the wait for readiness', () => {
  test('ends as soon as the proxy says that it is ready', async () => {
    let asked = 0
    const server = http.createServer((_, response) => {
      response.writeHead(++asked < 3 ? 503 : 200).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port: adminPort } = server.address() as AddressInfo
    expect(await waitUntilReady({ adminPort, timeoutMs: 5000 })).toBe(true)
    expect(asked).toBe(3)
    server.close()
  })

  test('gives up when nobody answers in time', async () => {
    expect(await waitUntilReady({ adminPort: 1, timeoutMs: 120 })).toBe(false)
  })
})
