/**
 * A proxy on loopback for tests: the same composition root as in a pod, with a controller of the
 * test's, and a destination that the test chooses instead of the kernel. Services have addresses of
 * 127.0.0.0/8, which Linux serves without any set-up.
 */
import http from 'node:http'
import net from 'node:net'
import { readConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { ENV } from '../../core/names.ts'
import type { FeedMessage } from '../../core/routing-feed.ts'
import type { Address } from '../../core/routing-table.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { type ListenerName, type ProxyApp, startProxy } from '../../proxy/app.ts'
import { settings } from '../../proxy/config.ts'
import type { OriginalDestination } from '../../proxy/original-destination.ts'
import type { Outside } from '../../proxy/outside.ts'
import type { Transport } from '../../proxy/transport.ts'
import { eventually, type FakeController, fakeController, line } from './fake-controller.ts'
import { rawTransport } from './transports.ts'

export interface World {
  app: ProxyApp
  controller: FakeController
  /** What every connection from now on was meant for. */
  destination: OriginalDestination
  appSockets: number
  /** Opens a connection as if the kernel had redirected it. */
  connect(side: ListenerName, destination?: Address): net.Socket
  request(side: ListenerName, destination: Address | null, options?: Ask): Promise<Answer>
  /** Starts a server that ends with the world. */
  serve<T extends net.Server>(server: T, ip: string, port?: number): Promise<Address>
  /** The first record at the controller that fits. */
  recordWhere(fits: (record: TraceRecord) => boolean): Promise<TraceRecord>
  /** Gives the table to the proxy, whether its feed is open already or not. */
  publish(table: FeedMessage): Promise<void>
  /** Status of `/ready`. */
  ready(): Promise<number>
  untilReady(): Promise<void>
  close(): Promise<void>
}

export interface Ask extends http.RequestOptions {
  body?: string
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

export interface WorldOptions {
  env?: Record<string, string>
  greeting?: FeedMessage[]
  outside?: Partial<Outside>
  /** The raw one if absent. */
  transport?: Transport
  /** False: the controller's address answers nobody. */
  controllerUp?: boolean
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const controller = await fakeController(options.greeting)
  if (options.controllerUp === false) await controller.close()
  const read = readConfig(settings, {
    [ENV.podName]: 'orders-1',
    [ENV.podNamespace]: 'alice',
    [ENV.workload]: 'orders',
    [ENV.spaceChain]: 'alice,dev',
    [ENV.controllerUrl]: controller.url,
    [ENV.outboundPort]: '0',
    [ENV.inboundPort]: '0',
    [ENV.adminPort]: '0',
    AZDS_GATEWAY_PORT: '0',
    AZDS_TRACE_FLUSH_MS: '0',
    AZDS_DRAIN_QUIET_MS: '50',
    AZDS_FIRST_TABLE_WAIT_MS: '200',
    ...options.env,
  })
  if (!read.ok) throw new Error(read.mistakes.join('\n'))
  const servers: net.Server[] = []
  const sockets = new Set<net.Socket>()
  const world: World = {
    app: undefined as unknown as ProxyApp,
    controller,
    destination: { kind: 'direct' },
    appSockets: 0,
    connect: (side, destination) => {
      if (destination) world.destination = { kind: 'redirected', destination }
      const { ip, port } = addressOf(world.app, side)
      const socket = net.connect({ host: ip, port, allowHalfOpen: true })
      sockets.add(socket)
      return socket
    },
    request: (side, destination, ask) => {
      if (destination) world.destination = { kind: 'redirected', destination }
      return request(addressOf(world.app, side), ask)
    },
    serve: async (server, ip, port = 0) => {
      servers.push(server)
      server.on('connection', (socket: net.Socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
      })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, ip, resolve)
      })
      return { ip, port: (server.address() as net.AddressInfo).port }
    },
    recordWhere: (fits) => eventually('the trace record', () => controller.records().find(fits)),
    publish: async (table) => {
      controller.greeting = [line(table)]
      controller.say(table)
      await world.untilReady()
    },
    ready: async () => (await request(world.app.addresses.admin, { path: '/ready' })).status,
    untilReady: async () => {
      await eventually('readiness', async () => (await world.ready()) === 200)
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      for (const server of servers) server.close()
      world.appSockets = 0
      await world.app.close()
      if (options.controllerUp !== false) await controller.close()
    },
  }
  const transport = options.transport ?? rawTransport
  world.app = await startProxy(read.config, silentLog, {
    originalDestination: () => world.destination,
    transport,
    dial: (target) => transport.dial(target, { timeoutMs: 2000 }),
    resolve: async () => [],
    appSockets: async () => world.appSockets,
    now: () => performance.timeOrigin + performance.now(),
    random: () => 0,
    openFilesLimit: Number.POSITIVE_INFINITY,
    giveBackMemory: null,
    host: '127.0.0.1',
    ...options.outside,
  })
  return world
}

function addressOf(app: ProxyApp, side: ListenerName): Address {
  const address = app.addresses[side]
  if (!address) throw new Error(`the proxy has no ${side} listener`)
  return address
}

export function request({ ip, port }: Address, { body, ...ask }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ agent: false, ...ask, host: ip, port }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: Buffer.concat(chunks).toString() })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** An HTTP server that answers with its name and the request's headers, as JSON. */
export function echoServer(name: string): http.Server {
  return http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method, url, headers } = request
    const body = JSON.stringify({
      name,
      method,
      url,
      headers,
      body: Buffer.concat(chunks).toString(),
    })
    response.setHeader('x-served-by', name)
    response.end(body)
  })
}

/** All that the other side sends until its FIN. */
export function readAll(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}
