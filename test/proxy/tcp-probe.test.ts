/** What a kubelet is told about an app whose ports are redirected. */
import net from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { ENV } from '../../core/names.ts'
import type { Address } from '../../core/routing-table.ts'
import { createTcpProbe } from '../../proxy/tcp-probe.ts'
import { eventually } from './fake-controller.ts'
import { createWorld, request, type World } from './proxy-world.ts'
import { TRANSPORTS } from './transports.ts'

const open: net.Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

async function listen(ip: string, onConnection: (socket: net.Socket) => void = () => {}) {
  const server = net.createServer({ allowHalfOpen: false }, (socket) => {
    socket.on('error', () => {})
    socket.resume()
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, ip, resolve))
  open.push(server)
  return (server.address() as net.AddressInfo).port
}

describe.each(TRANSPORTS.map((transport) => [transport.name, transport] as const))(
  'a probe by %s',
  (_, transport) => {
    const probe = (...ips: string[]) => createTcpProbe(ips, (target) => transport.dial(target))

    test('finds an app that listens on the pod’s address, and ends its connection in good order', async () => {
      let ended = false
      const port = await listen('127.0.20.1', (socket) => {
        socket.on('end', () => {
          ended = true
        })
      })
      expect(await probe('127.0.20.1')(port)).toEqual({ reached: true })
      await eventually('the end of the connection', () => ended)
    })

    test('does not find an app that listens elsewhere, where nobody else would reach it either', async () => {
      const port = await listen('127.0.0.1')
      expect(await probe('127.0.20.1', '127.0.0.1')(port)).toEqual({
        reached: false,
        problem: expect.stringContaining('ECONNREFUSED'),
      })
    })

    test('asks loopback where nobody has said which addresses the pod has', async () => {
      expect(await probe()(await listen('127.0.0.1'))).toEqual({ reached: true })
    })
  },
)

describe('the admin port', () => {
  let world: World
  afterEach(() => world.close())

  test('answers 200 while the app listens, 503 while it does not, 404 about ports without a probe', async () => {
    const port = await listen('127.0.20.2')
    const other = await listen('127.0.20.2')
    world = await createWorld({
      env: { [ENV.podIps]: '127.0.20.2', [ENV.tcpProbes]: `1, ${port}` },
    })
    const { admin } = world.app.addresses as { admin: Address }
    const ask = (path: string, method = 'GET') => request(admin, { path, method })
    expect(await ask(`/tcp/${port}`)).toMatchObject({ status: 200 })
    expect(await ask(`/tcp/${port}`, 'HEAD')).toMatchObject({ status: 200, body: '' })
    const refused = await ask('/tcp/1')
    expect(refused.status).toBe(503)
    expect(JSON.parse(refused.body)).toMatchObject({ port: 1, problem: expect.any(String) })
    for (const path of [`/tcp/${other}`, '/tcp/', '/tcp/x', `/tcp/0${port}`, `/tcp/${port}/`]) {
      expect((await ask(path)).status).toBe(404)
    }
    expect((await ask(`/tcp/${port}`, 'POST')).status).toBe(405)
  })

  test('asks nobody where the pod has no TCP probes', async () => {
    world = await createWorld()
    const port = await listen('127.0.0.1')
    const { admin } = world.app.addresses
    expect((await request(admin, { path: `/tcp/${port}` })).status).toBe(404)
  })
})
