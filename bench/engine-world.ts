/** A sidecar's engine without sockets: clients, servers and the controller are stand-ins in memory. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fineClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { FeedMessage, FeedService } from '../core/routing-feed.ts'
import { type Address, RoutingTable } from '../core/routing-table.ts'
import { Connections } from '../proxy/connections.ts'
import type { PlanExchange } from '../proxy/exchange.ts'
import { relayHttp1 } from '../proxy/http1/relay.ts'
import { UpstreamPool } from '../proxy/http1/upstream-pool.ts'
import { createMetrics } from '../proxy/metrics.ts'
import { planOutbound } from '../proxy/outbound.ts'
import { createRecordExchange } from '../proxy/recorder.ts'
import type { ByteStream, StreamListener } from '../proxy/stream.ts'
import { loopUtilization, TraceBudget } from '../proxy/trace-budget.ts'
import { TraceMemory } from '../proxy/trace-memory.ts'
import { TraceQueue } from '../proxy/trace-queue.ts'
import { TraceSender } from '../proxy/trace-sender.ts'
import { createTraceSink } from '../proxy/trace-sink.ts'
import { askAt } from '../test/proxy/loopback-ways.ts'
import type { EngineCase } from './engine-cases.ts'

export interface EngineWorld {
  /** Does one exchange on the client connection with this number. */
  exchange(exchange: EngineCase, client: number): void
  close(): Promise<void>
}

/** One end of a connection: `feed` is what its peer sends, `written` what it is sent. */
class EngineStream implements ByteStream {
  readonly remote: Address
  bytesRead = 0
  bytesWritten = 0
  ended = false
  #listener: StreamListener | null = null
  readonly #onWritten: (stream: EngineStream) => void

  constructor(remote: Address, onWritten: (stream: EngineStream) => void = () => {}) {
    this.remote = remote
    this.#onWritten = onWritten
  }

  feed(chunks: Buffer[]): void {
    for (const chunk of chunks) {
      this.bytesRead += chunk.length
      this.#listener?.onData(chunk)
    }
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
  }

  write(chunk: Buffer): boolean {
    this.bytesWritten += chunk.length
    this.#onWritten(this)
    return true
  }

  writeSoon(chunk: Buffer): boolean {
    return this.write(chunk)
  }

  room(length: number): Buffer {
    return Buffer.allocUnsafe(length)
  }

  connected(): void {
    this.#listener?.onConnect?.()
  }

  hangUp(): void {
    this.#listener?.onEnd()
    this.#listener?.onClose(null)
  }

  end(): void {
    this.ended = true
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  reset(): void {}
}

const SIDECAR = { space: 'alice', pod: 'web-1', workload: 'web', spaceChain: ['alice', 'dev'] }

export async function startEngineWorld({
  services,
  tracing,
}: {
  services: number
  tracing: boolean
}): Promise<EngineWorld> {
  const table = new RoutingTable()
  table.apply(snapshotOf(services))
  const now = fineClock({ wall: Date.now, steady: () => performance.now() })
  const controller = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(202).end())
  })
  controller.listen(0, '127.0.0.1')
  await once(controller, 'listening')
  const { port } = controller.address() as AddressInfo
  const connections = new Connections()
  const queue = new TraceQueue({ records: 10_000, bytes: 10_485_760 })
  const budget = new TraceBudget({ busy: loopUtilization() })
  const sender = new TraceSender({
    ask: askAt(`http://127.0.0.1:${port}`),
    queue,
    namespace: SIDECAR.space,
    pod: SIDECAR.pod,
    flushMs: 200,
    log: silentLog,
    random: Math.random,
    budget,
  })
  const feed = { state: 'streaming' as const, lastMessageAt: null }
  const metrics = createMetrics({
    connections,
    queue,
    table,
    feed,
    transport: { passedBytes: () => 0 },
    now,
  })
  const sink = createTraceSink({ queue, sender, budget, metrics, tracing })
  const record = createRecordExchange({
    identity: SIDECAR,
    now,
    bodyBytes: 0,
    tracing,
    started: () => connections.begin(),
    finished: (exchange) => {
      connections.end()
      sink.finished(exchange)
    },
  })
  const memory = new TraceMemory({ entries: 20_000, maxAgeMs: 600_000 }, now)
  const deps = { identity: SIDECAR, table, memory, record }
  const destination = { ip: '10.96.0.7', port: 8080 }
  const pool = new UpstreamPool()
  const dialled: EngineStream[] = []
  /** The server's connection to which a request was written last. */
  const asked: EngineStream[] = []
  const connect = (client: Address, plan: PlanExchange) => {
    const stream = new EngineStream(client)
    const dial = (target: Address) => {
      const upstream = new EngineStream(target, (stream) => {
        asked[0] = stream
      })
      dialled.push(upstream)
      return upstream
    }
    relayHttp1(stream, Buffer.alloc(0), { plan, dial, pool, onRefused: () => {} })
    return stream
  }
  const open: EngineStream[] = []
  return {
    exchange: ({ request, answer, connects = false, digitsAt }, number) => {
      if (digitsAt !== undefined) countUp(request[0] as Buffer, digitsAt + 15)
      let client = open[number]
      if (client === undefined || connects) {
        const address = { ip: '10.0.0.9', port: 20_000 + number }
        const plan = planOutbound({ client: address, destination, named: null }, deps)
        client = connect(address, plan)
        open[number] = client
      }
      asked.length = 0
      client.feed(request)
      // A connection that is dialled carries nothing before it is there.
      if (asked.length === 0) dialled.pop()?.connected()
      const before = client.bytesWritten
      asked[0]?.feed(answer)
      if (client.bytesWritten === before) throw new Error('no answer came')
      if (connects) client.hangUp()
    },
    close: async () => {
      pool.close()
      await sender.close(1000)
      controller.closeAllConnections()
      controller.close()
    },
  }
}

/** Adds one to the decimal number of which the last digit stands at `last`; others before it may be any. */
function countUp(bytes: Buffer, last: number): void {
  const NINE = 0x39
  for (let at = last; ; at--) {
    const digit = bytes[at] as number
    bytes[at] = digit >= NINE ? 0x30 : digit + 1
    if (digit !== NINE) return
  }
}

/** A root space with that many services, and a child that has one of its own in ten. */
function snapshotOf(services: number): FeedMessage {
  const list: FeedService[] = []
  for (let i = 0; i < services; i++) {
    list.push(serviceOf('dev', i, 96))
    if (i % 10 === 3) list.push(serviceOf('alice', i, 97))
  }
  return {
    type: 'snapshot',
    version: { epoch: 'bench', number: 1 },
    spaces: [
      { name: 'dev', parent: null },
      { name: 'alice', parent: 'dev' },
    ],
    services: list,
    self: [],
  }
}

function serviceOf(space: string, number: number, network: number): FeedService {
  const port = { name: 'http', port: 8080, appProtocol: '', ready: 2, endpoints: [] }
  const ip = `10.${network}.${number >> 8}.${number & 255}`
  return { space, name: `service-${number}`, clusterIPs: [ip], ports: [port] }
}
