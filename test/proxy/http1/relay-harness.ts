/** A relay between two in-memory connections: the test plays the client and the servers. */
import type { Address } from '../../../core/routing-table.ts'
import type { HeaderList } from '../../../core/trace-record.ts'
import type {
  ExchangePlan,
  ExchangeRecorder,
  RefusedRequest,
  RequestHead,
} from '../../../proxy/exchange.ts'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import type { Http1Connection } from '../../../proxy/http1/relay-deps.ts'
import type { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { type MemoryStream, memoryPair } from '../memory-stream.ts'

export const TARGET: Address = { ip: '10.9.9.9', port: 80 }

type Done = Parameters<ExchangeRecorder['done']>[0]

/** What the recorder of one exchange has heard. */
export interface Recorded {
  request: { method: string; target: string; headers: HeaderList }
  requestBody: string
  status: number | null
  responseHeaders: HeaderList
  responseBody: string
  tunnel: string | null
  ends: Done[]
}

/** One side of a connection as the test sees it. */
export class Peer {
  readonly stream: MemoryStream
  received = ''
  ended = false
  closed = false
  error: string | null = null
  onText: () => void = () => {}

  constructor(stream: MemoryStream) {
    this.stream = stream
    stream.listen({
      onData: (chunk) => {
        this.received += chunk.toString('latin1')
        this.onText()
      },
      onEnd: () => {
        this.ended = true
        this.onText()
      },
      onDrain: () => {},
      onClose: (error) => {
        this.closed = true
        this.error = error?.code ?? null
      },
    })
  }

  send(text: string | Buffer): void {
    this.stream.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }
}

export interface Harness {
  client: Peer
  /** The connections that were dialled, in order. */
  servers: Peer[]
  dialled: Address[]
  recorded: Recorded[]
  refused: RefusedRequest[]
  relay: Http1Connection
}

export interface HarnessOptions {
  setHeaders?: HeaderList
  target?: (head: RequestHead) => Address
  refuse?: (head: RequestHead) => Pick<ExchangePlan & { kind: 'refuse' }, 'code' | 'message'> | null
  pool?: UpstreamPool | null
  /** Called with each connection that is dialled. */
  onServer?: (server: Peer, index: number) => void
  first?: string
  firstUpstream?: { target: Address; stream: MemoryStream }
}

export function startRelay(options: HarnessOptions = {}): Harness {
  const [near, far] = memoryPair()
  const recorded: Recorded[] = []
  const refused: RefusedRequest[] = []
  const servers: Peer[] = []
  const dialled: Address[] = []
  const plan = (head: RequestHead): ExchangePlan => {
    const record = newRecord(head)
    recorded.push(record)
    const recorder = recorderInto(record)
    const refusal = options.refuse?.(head) ?? null
    if (refusal !== null) return { kind: 'refuse', ...refusal, recorder }
    const target = options.target?.(head) ?? TARGET
    return { kind: 'forward', target, setHeaders: options.setHeaders ?? [], recorder }
  }
  const dial = (target: Address) => {
    const [ours, theirs] = memoryPair(target)
    dialled.push(target)
    const server = new Peer(theirs)
    servers.push(server)
    options.onServer?.(server, servers.length - 1)
    return ours
  }
  const relay = relayHttp1(far, Buffer.from(options.first ?? '', 'latin1'), {
    plan,
    dial,
    pool: options.pool ?? null,
    onRefused: (request) => refused.push(request),
    firstUpstream: options.firstUpstream ?? null,
    lingerMs: 20,
  })
  return { client: new Peer(near), servers, dialled, recorded, refused, relay }
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
    tunnel: (kind) => {
      record.tunnel = kind
    },
    done: (end) => {
      const { atOnce: _, ...rest } = end
      record.ends.push(rest)
    },
  }
}
