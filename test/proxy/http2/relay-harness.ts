/** An HTTP/2 relay between connections in memory: the test plays the client and the servers. */
import type { Address } from '../../../core/routing-table.ts'
import type { HeaderList } from '../../../core/trace-record.ts'
import type {
  ExchangePlan,
  ExchangeRecorder,
  PlanStream,
  RefusedRequest,
  RequestHead,
} from '../../../proxy/exchange.ts'
import { type Http2Connection, relayHttp2 } from '../../../proxy/http2/relay.ts'
import type { FirstUpstream } from '../../../proxy/http2/upstreams.ts'
import { type MemoryStream, memoryPair } from '../memory-stream.ts'
import { Http2Peer } from './peer.ts'

export const TARGET: Address = { ip: '10.9.9.9', port: 80 }

/** What the recorder of one stream has heard. */
export interface Recorded {
  request: { method: string; target: string; headers: HeaderList }
  requestBody: string
  status: number | null
  responseHeaders: HeaderList
  responseBody: string
  trailers: HeaderList
  tunnel: string | null
  ends: Parameters<ExchangeRecorder['done']>[0][]
}

export interface HarnessOptions {
  setHeaders?: HeaderList
  target?: (head: RequestHead) => Address
  elsewhere?: () => Address
  refuse?: (head: RequestHead) => Pick<ExchangePlan & { kind: 'refuse' }, 'code' | 'message'> | null
  /** Makes the plan of a stream later. */
  late?: (head: RequestHead) => Promise<void> | null
  /** Called with each connection that is dialled; without it, servers send SETTINGS at once. */
  onServer?: (server: Http2Peer, stream: MemoryStream, index: number) => void
  firstUpstream?: FirstUpstream
  now?: () => number
}

export interface Harness {
  client: Http2Peer
  /** The connections that were dialled, in order. */
  servers: Http2Peer[]
  dialled: Address[]
  recorded: Recorded[]
  refused: RefusedRequest[]
  faults: unknown[]
  relay: Http2Connection
}

export function startRelay(options: HarnessOptions = {}): Harness {
  const [near, far] = memoryPair()
  const harness: Omit<Harness, 'client' | 'relay'> = {
    servers: [],
    dialled: [],
    recorded: [],
    refused: [],
    faults: [],
  }
  const relay = relayHttp2(far, Buffer.alloc(0), {
    plan: planner(options, harness.recorded),
    dial: (target) => {
      const [ours, theirs] = memoryPair(target)
      const server = new Http2Peer(theirs, 'server')
      harness.dialled.push(target)
      harness.servers.push(server)
      if (options.onServer) options.onServer(server, ours, harness.servers.length - 1)
      else server.open()
      return ours
    },
    now: options.now ?? (() => 0),
    onRefused: (refused) => harness.refused.push(refused),
    onFault: (error) => harness.faults.push(error),
    firstUpstream: options.firstUpstream ?? null,
    lingerMs: 20,
  })
  return { ...harness, client: new Http2Peer(near, 'client').open(), relay }
}

function planner(options: HarnessOptions, recorded: Recorded[]): PlanStream {
  const plan = (head: RequestHead): ExchangePlan => {
    const record = newRecord(head)
    recorded.push(record)
    const recorder = recorderInto(record)
    const refusal = options.refuse?.(head) ?? null
    if (refusal !== null) return { kind: 'refuse', ...refusal, recorder }
    const target = options.target?.(head) ?? TARGET
    const { setHeaders = [], elsewhere } = options
    return { kind: 'forward', target, setHeaders, recorder, ...(elsewhere && { elsewhere }) }
  }
  return (head) => options.late?.(head)?.then(() => plan(head)) ?? plan(head)
}

/** Lets everything happen that is under way, as many turns of the event loop as it takes. */
export async function settle(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}

function newRecord(head: RequestHead): Recorded {
  return {
    request: { method: head.method, target: head.target, headers: head.headers() },
    requestBody: '',
    status: null,
    responseHeaders: [],
    responseBody: '',
    trailers: [],
    tunnel: null,
    ends: [],
  }
}

function recorderInto(record: Recorded): ExchangeRecorder {
  return {
    requestBody: (chunk) => {
      record.requestBody += chunk.toString('latin1')
    },
    responseHead: (head) => {
      record.status = head.status
      record.responseHeaders = head.headers()
    },
    responseBody: (chunk) => {
      record.responseBody += chunk.toString('latin1')
    },
    responseTrailers: (trailers) => {
      record.trailers = trailers
    },
    tunnel: (kind) => {
      record.tunnel = kind
    },
    done: (end) => {
      record.ends.push(end)
    },
  }
}
