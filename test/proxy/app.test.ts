import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { HEADER } from '../../core/names.ts'
import type { Address } from '../../core/routing-table.ts'
import { eventually } from './fake-controller.ts'
import { createWorld, echoServer, readAll, request, type World } from './proxy-world.ts'
import { snapshot } from './sample-tree.ts'

let world: World

const TWO_LENGTHS = `POST / HTTP/1.1\r\nHost: a\r\n${'Content-Length: 0\r\n'.repeat(2)}\r\n`

afterEach(async () => {
  await world.close()
})

describe('a sidecar with a routing table', () => {
  let dev: Address
  let alice: Address

  beforeEach(async () => {
    world = await createWorld()
    dev = await world.serve(echoServer('dev'), '127.0.10.1')
    alice = await world.serve(echoServer('alice'), '127.0.10.2', dev.port)
    const ports = (ready: number) => [
      { name: 'http', port: dev.port, appProtocol: '', ready, endpoints: [] },
    ]
    const services = [
      { space: 'dev', name: 'orders', clusterIPs: [dev.ip], ports: ports(1) },
      { space: 'alice', name: 'orders', clusterIPs: [alice.ip], ports: ports(1) },
      { space: 'dev', name: 'stock', clusterIPs: ['127.0.10.3'], ports: ports(1) },
    ]
    const self = [{ service: 'orders', port: dev.port, targetPort: alice.port }]
    const table = snapshot({ services, self })
    await world.publish(table)
  })

  test.each([
    ['a bare LF', 'GET / HTTP/1.1\nHost: orders\n\n', 'LF with no CR'],
    ['two blanks', 'GET  / HTTP/1.1\r\nHost: orders\r\n\r\n', 'RFC 9112 3'],
    ['a tab', 'GET\t/ HTTP/1.1\r\nHost: orders\r\n\r\n', 'RFC 9110 9.1'],
    ['HTTP/2.0 as its version', 'GET / HTTP/2.0\r\nHost: orders\r\n\r\n', 'RFC 9112 2.3'],
    ['no version', 'GET /\r\nHost: orders\r\nConnection: keep-alive\r\n\r\n', 'RFC 9112 3'],
    ['two empty lines before it', '\r\n\r\nGET / HTTP/1.1\r\nHost: orders\r\n\r\n', '2.2'],
    ['a bare LF before it', '\nGET / HTTP/1.1\r\nHost: orders\r\n\r\n', 'RFC 9112 2.2'],
    ['a bare CR before it', '\rGET / HTTP/1.1\r\nHost: orders\r\n\r\n', 'RFC 9112 2.2'],
    ['an empty line before it, and two lengths', `\r\n${TWO_LENGTHS}`, 'two Content-Length'],
  ])(
    'a first request line with %s is refused by its rule, and goes nowhere',
    async (_, text, rule) => {
      const socket = world.connect('outbound', dev)
      socket.write(text)
      const refusal = await readAll(socket)
      expect(refusal).toMatch(/^HTTP\/1\.1 400 .*azds-proxy-error: bad-request/s)
      expect(refusal).toContain(rule)
      const record = await world.recordWhere((one) => one.error?.code === 'bad-request')
      expect(record).toMatchObject({ direction: 'outbound', status: 400 })
      expect(record.error?.message).toContain(rule)
    },
  )

  test('an outbound request is led to the child’s version, tagged, and recorded', async () => {
    const answer = await world.request('outbound', dev, {
      method: 'POST',
      path: '/buy?token=secret',
      headers: { Host: 'orders', Authorization: 'Bearer s' },
      body: 'six eggs',
    })
    const echoed = JSON.parse(answer.body)
    expect(echoed).toMatchObject({ name: 'alice', body: 'six eggs', url: '/buy?token=secret' })
    expect(echoed.headers).toMatchObject({ [HEADER.routeAs]: 'alice', [HEADER.hop]: '1' })

    const record = await world.recordWhere((one) => one.method === 'POST')
    expect(record).toMatchObject({
      direction: 'outbound',
      service: 'orders',
      space: 'alice',
      pod: 'orders-1',
      workload: 'orders',
      status: 200,
      path: '/buy?token=[redacted]',
      route: { reason: 'child', contextSource: 'origin', target: `${alice.ip}:${alice.port}` },
      error: null,
    })
    expect(echoed.headers.traceparent).toBe(`00-${record.traceId}-${record.spanId}-01`)
    expect(record.requestHeaders).toContainEqual(['Authorization', '[redacted]'])
    expect(record.firstByteMs).toBeLessThanOrEqual(record.durationMs)
    expect(record.responseBytes).toBeGreaterThan(answer.body.length)
  })

  test('an empty line before the first request line changes nothing about it', async () => {
    const socket = world.connect('outbound', dev)
    socket.write(
      '\r\nGET / HTTP/1.1\r\nHost: orders\r\nazds-route-as: alice\r\nConnection: close\r\n\r\n',
    )
    expect(await readAll(socket)).toContain('x-served-by: alice')
    expect(await world.recordWhere(({ status }) => status === 200)).toMatchObject({ method: 'GET' })
  })

  test('requests on one connection are decided one by one, and follow a delta at once', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const ask = async (space: string) => {
      const headers = { Host: 'orders', [HEADER.routeAs]: space }
      return (await world.request('outbound', dev, { agent, headers })).headers['x-served-by']
    }
    expect(await ask('alice')).toBe('alice')
    expect(await ask('dev')).toBe('dev')
    expect(await ask('alice')).toBe('alice')
    world.controller.say({
      type: 'delta',
      version: { epoch: 'e1', number: 2 },
      spaces: { put: [], remove: [] },
      services: { put: [], remove: ['alice/orders'] },
      self: null,
    })
    await eventually('the fall-back', () => ask('alice').then((name) => name === 'dev'))
    expect(await ask('alice')).toBe('dev')
    agent.destroy()
    const record = await world.recordWhere((one) => one.route.reason === 'fallback-absent')
    expect(record.route.tried.map(({ outcome }) => outcome)).toEqual(['absent', 'chosen'])
  })

  test('a version that refuses while the table still leads there costs no request', async () => {
    const services = (put: object[], remove: string[], number: number) =>
      world.controller.say({
        type: 'delta',
        version: { epoch: 'e1', number },
        spaces: { put: [], remove: [] },
        services: { put: put as [], remove },
        self: null,
      })
    const port = { name: 'http', port: dev.port, appProtocol: '', ready: 1, endpoints: [] }
    const gone = { space: 'alice', name: 'orders', clusterIPs: ['127.0.10.9'], ports: [port] }
    services([gone], [], 2)
    const asked = eventually('a request that met the refusal', async () => {
      const headers = { Host: 'orders', [HEADER.routeAs]: 'alice' }
      const answer = await world.request('outbound', dev, { headers })
      expect(answer.status).toBe(200)
      return answer.headers['x-served-by'] === 'dev'
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    services([], ['alice/orders'], 3)
    await asked
    const record = await world.recordWhere((one) => one.route.reason === 'fallback-absent')
    expect(record).toMatchObject({ status: 200, error: null })
    expect(record.route.target).toBe(`${dev.ip}:${dev.port}`)
  })

  test('what an inbound request was tagged with is found again by its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const inbound = { [HEADER.routeAs]: 'dev', [HEADER.hop]: '1', traceparent, host: 'orders' }
    await world.request('inbound', alice, { headers: inbound })
    const outbound = { traceparent, Host: 'orders' }
    const answer = await world.request('outbound', alice, { headers: outbound })
    expect(answer.headers['x-served-by']).toBe('dev')
    const record = await world.recordWhere((one) => one.direction === 'outbound')
    expect(record.route).toMatchObject({ context: 'dev', contextSource: 'trace', reason: 'root' })
  })

  test('a server that speaks first is heard at once', async () => {
    const greeter = net.createServer((socket) => socket.end('220 ready\r\n'))
    const address = await world.serve(greeter, '127.0.10.4')
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      const start = performance.now()
      const socket = world.connect('outbound', address)
      expect(await readAll(socket)).toBe('220 ready\r\n')
      times.push(performance.now() - start)
      socket.destroy()
    }
    const median = times.sort((a, b) => a - b)[10] ?? 0
    console.log(`server-first through the sidecar: ${median.toFixed(2)} ms to connect and read`)
    const record = await world.recordWhere((one) => one.protocol === 'tcp')
    expect(record).toMatchObject({
      responseBytes: 11,
      requestBytes: 0,
      service: null,
      route: { reason: 'not-http', target: `${address.ip}:${address.port}` },
    })
  })

  test('bytes that are no HTTP pass both ways, and each half closes on its own', async () => {
    const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    const address = await world.serve(echo, '127.0.10.5')
    const socket = world.connect('outbound', address)
    const all = readAll(socket)
    socket.write('*1\r\n$4\r\nPI')
    socket.write('NG\r\n')
    socket.end()
    expect(await all).toBe('*1\r\n$4\r\nPING\r\n')
    const record = await world.recordWhere((one) => one.protocol === 'tcp')
    expect(record).toMatchObject({ requestBytes: 14, responseBytes: 14, error: null })
  })

  test('a client that only closes its half is passed on as such', async () => {
    const answerer = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume()
      socket.on('end', () => socket.end('bye'))
    })
    const socket = world.connect('outbound', await world.serve(answerer, '127.0.10.6'))
    const all = readAll(socket)
    socket.end('GET /half')
    expect(await all).toBe('bye')
  })

  test('TLS passes untouched, and its server name is recorded', async () => {
    const psk = Buffer.from('0123456789abcdef')
    const ciphers = 'PSK-AES128-GCM-SHA256'
    const limits = { ciphers, maxVersion: 'TLSv1.2' as const }
    const server = tls.createServer({ ...limits, pskCallback: () => psk }, (socket) =>
      socket.pipe(socket),
    )
    const raw = world.connect('outbound', await world.serve(server, '127.0.10.7'))
    const client = tls.connect({
      ...limits,
      socket: raw,
      servername: 'db.example.test',
      checkServerIdentity: () => undefined,
      pskCallback: () => ({ psk, identity: 'test' }),
    })
    client.end('sealed')
    expect(await readAll(client)).toBe('sealed')
    raw.destroy()
    const record = await world.recordWhere((one) => one.protocol === 'tls')
    expect(record.sni).toBe('db.example.test')
  })

  test('nothing to reach looks to an opaque client as it would without a sidecar', async () => {
    const { ip, port } = await world.serve(net.createServer(), '127.0.10.8')
    const socket = world.connect('outbound', { ip, port: port === 1 ? 2 : 1 })
    socket.write('\0\0')
    await expect(readAll(socket)).rejects.toThrow('ECONNRESET')
    const record = await world.recordWhere((one) => one.error !== null)
    expect(record.error?.code).toBe('connect-refused')
  })

  test('an HTTP service that cannot be reached is answered for, with a marked error', async () => {
    const answer = await world.request('outbound', { ip: '127.0.10.3', port: dev.port })
    expect(answer.status).toBe(502)
    expect(answer.headers[HEADER.proxyError]).toBe('connect-refused')
    const record = await world.recordWhere((one) => one.service === 'stock')
    expect(record).toMatchObject({ status: 502, error: { code: 'connect-refused' } })
  })

  test('a child’s version is reached though the original destination is gone and dialled', async () => {
    const dead = { ip: '127.0.10.3', port: dev.port }
    world.controller.say({
      type: 'delta',
      version: { epoch: 'e1', number: 3 },
      spaces: { put: [], remove: [] },
      services: {
        put: [
          {
            space: 'dev',
            name: 'orders',
            clusterIPs: [dead.ip],
            ports: [{ name: '', port: dev.port, appProtocol: '', ready: 0, endpoints: [] }],
          },
        ],
        remove: [],
      },
      self: null,
    })
    const socket = world.connect('outbound', dead)
    await new Promise((resolve) => setTimeout(resolve, 60))
    const all = readAll(socket)
    socket.write('GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n')
    expect(await all).toContain('x-served-by: alice')
  })

  test('a request that breaks the rules is refused and recorded', async () => {
    const socket = world.connect('outbound', dev)
    const all = readAll(socket)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
    expect(await all).toMatch(/^HTTP\/1\.1 400 [\s\S]*azds-proxy-error: bad-request/i)
    const record = await world.recordWhere((one) => one.error?.code === 'bad-request')
    expect(record).toMatchObject({ status: 400, method: 'GET', path: '/', direction: 'outbound' })
  })

  test.each(['inbound', 'outbound'] as const)(
    'a connection to the %s port itself is a loop: 508 for HTTP, the end for the rest',
    async (side) => {
      world.destination = { kind: 'direct' }
      const answer = await world.request(side, null)
      expect(answer.status).toBe(508)
      expect(answer.headers[HEADER.proxyError]).toBe('loop')
      await world.recordWhere((one) => one.error?.code === 'loop')

      const own = world.app.addresses[side] as Address
      expect((await world.request(side, own)).status).toBe(508)
      const socket = world.connect(side, own)
      socket.write('\0')
      await expect(readAll(socket)).rejects.toThrow('ECONNRESET')
    },
  )

  test('of many connections of all kinds, some cut off, nothing stays open or in flight', async () => {
    const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    const opaque = await world.serve(echo, '127.0.10.10')
    const kinds = [
      () => world.request('outbound', dev, { headers: { Host: 'orders' } }),
      () => world.request('inbound', alice, { headers: { Host: 'orders' } }),
      () => exchangeRaw(opaque, '\0 opaque', true),
      () => exchangeRaw(dev, 'GET / HTTP/1.1\r\nHost: orders\r\n\r\n', false),
      () => exchangeRaw(dev, 'GET / HT', false),
      () => exchangeRaw(dev, '', false),
    ]
    const exchangeRaw = (to: Address, text: string, whole: boolean) =>
      new Promise<void>((resolve) => {
        const socket = world.connect('outbound', to)
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.on('data', () => socket.destroy())
        socket.write(text)
        if (whole) socket.end()
        else setTimeout(() => socket.resetAndDestroy(), 10)
      })
    // One after another per lane: the destination is the world's, not the connection's.
    for (let round = 0; round < 20; round++) for (const kind of kinds) await kind()
    const metrics = () =>
      request(world.app.addresses.admin, { path: '/metrics' }).then(({ body }) => body)
    const idle = /connections_open\{direction="inbound"\} 0[\s\S]*"outbound"\} 0[\s\S]*in_flight 0/
    await eventually('the end of all connections', async () => idle.test(await metrics()))
  }, 60_000)

  test('the admin port shows the table and the counts', async () => {
    await world.request('outbound', dev, { headers: { Host: 'orders' } })
    await world.recordWhere((one) => one.service === 'orders')
    const { admin } = world.app.addresses
    const routes = JSON.parse((await request(admin, { path: '/routes' })).body)
    expect(routes).toMatchObject({
      version: { epoch: 'e1', number: 1 },
      feed: { state: 'streaming' },
      identity: { space: 'alice' },
    })
    expect(routes.services).toHaveLength(3)
    const metrics = (await request(admin, { path: '/metrics' })).body
    expect(metrics).toContain(
      'azds_proxy_exchanges_total{direction="outbound",reason="child",status="2xx"} 1',
    )
    expect(metrics).toContain('azds_proxy_feed_streaming 1')
    expect((await request(admin, { path: '/live' })).status).toBe(200)
    expect((await request(admin, { path: '/nothing' })).status).toBe(404)
    expect((await request(admin, { path: '/ready', method: 'POST' })).status).toBe(405)
  })

  test('a drain lets requests finish, still takes new ones, and ends when all is quiet', async () => {
    let finish: (() => void) | null = null
    const slow = http.createServer((_, response) => {
      response.write('begun ')
      finish = () => response.end('done')
    })
    const address = await world.serve(slow, '127.0.10.9')
    const inFlight = world.request('outbound', address)
    const end = await eventually('the request', () => finish)
    world.appSockets = 1
    let closed = false
    const closing = world.app.close().then(() => {
      closed = true
    })
    expect(await world.ready()).toBe(503)
    const during = await world.request('outbound', dev, { headers: { Host: 'orders' } })
    expect(during.status).toBe(200)
    end()
    expect((await inFlight).body).toBe('begun done')
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(closed).toBe(false)
    world.appSockets = 0
    await closing
    await expect(world.request('outbound', dev)).rejects.toThrow('ECONNREFUSED')
    expect(world.controller.records().map(({ status }) => status)).toEqual([200, 200])
  })
})
