import http from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { eventually } from './fake-controller.ts'
import { createWorld, echoServer, type World } from './proxy-world.ts'
import { snapshot } from './sample-tree.ts'

let world: World
let app: { ip: string; port: number }
let closed: Promise<void>

beforeEach(async () => {
  world = await createWorld({ env: { AZDS_DRAIN_DEADLINE_MS: '10000' } })
  app = await world.serve(echoServer('alice'), '127.0.12.1')
  await world.publish(snapshot())
  // The app is still there, so that the drain goes on.
  world.appSockets = 1
})

afterEach(async () => {
  world.appSockets = 0
  await closed
  await world.close()
})

test.each(['before', 'after'])(
  'once the pod is being deleted, clients that connected %s that are told to come back on a new connection',
  async (when) => {
    closed = Promise.resolve()
    const agent = new http.Agent({ keepAlive: true })
    const ask = () => world.request('inbound', app, { agent })
    if (when === 'before') expect((await ask()).headers.connection).toBe('keep-alive')
    const spaces = { put: [], remove: [] }
    const services = { put: [], remove: [] }
    const version = { epoch: 'e1', number: 2 }
    await world.publish({ type: 'delta', version, spaces, services, self: null, leaving: true })
    const other = new http.Agent({ keepAlive: true })
    await eventually('the sidecar has heard of it', async () => {
      const { headers } = await world.request('inbound', app, { agent: other })
      return headers.connection === 'close'
    })
    other.destroy()
    for (let round = 0; round < 2; round++) {
      const { status, headers } = await ask()
      expect([status, headers.connection]).toEqual([200, 'close'])
    }
    const outbound = await world.request('outbound', app, { agent: new http.Agent() })
    expect(outbound.status).toBe(200)
    agent.destroy()
  },
)

const REQUEST = 'GET / HTTP/1.1\r\nHost: orders\r\nConnection: keep-alive\r\n\r\n'

test.each(['before', 'during'])(
  'a client that connects %s a drain and asks during it hears that its connection closes',
  async (when) => {
    const early = when === 'before' ? world.connect('inbound', app) : null
    if (early) await new Promise((resolve) => early.once('connect', resolve))
    await new Promise((resolve) => setTimeout(resolve, 20))
    closed = world.app.close()
    const socket = early ?? world.connect('inbound', app)
    socket.write(REQUEST)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    await new Promise((resolve) => socket.on('end', resolve))
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\nConnection: close\r\n/i)
  },
)

test('what the app itself asks for during a drain is served as ever', async () => {
  closed = world.app.close()
  const agent = new http.Agent({ keepAlive: true })
  for (let round = 0; round < 2; round++) {
    const { status, headers } = await world.request('outbound', app, { agent })
    expect([status, headers.connection]).toEqual([200, 'keep-alive'])
  }
  agent.destroy()
})
