/** A relay between two in-memory connections: the test plays the client and the servers. */
import { afterEach } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import type { RefusedRequest } from '../../../proxy/exchange.ts'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import type { Http1Connection } from '../../../proxy/http1/relay-deps.ts'
import type { UpstreamPool } from '../../../proxy/http1/upstream-pool.ts'
import { type MemoryStream, memoryPair } from '../memory-stream.ts'
import { type PlanOptions, plannerInto, type Recorded } from '../recorded-exchange.ts'

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

export interface HarnessOptions extends PlanOptions {
  pool?: UpstreamPool | null
  /** Called with each connection that is dialled. */
  onServer?: (server: Peer, index: number) => void
  first?: string
  firstUpstream?: { target: Address; stream: MemoryStream }
  /** How long a connection that was ended waits for its client, ms; 5 s if absent. */
  lingerMs?: number
}

/** Clients of the test that runs: relays that wait for one to close would keep the process from ending. */
const clients: MemoryStream[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

export function startRelay(options: HarnessOptions = {}): Harness {
  const [near, far] = memoryPair()
  clients.push(near)
  const recorded: Recorded[] = []
  const refused: RefusedRequest[] = []
  const servers: Peer[] = []
  const dialled: Address[] = []
  const dial = (target: Address) => {
    const [ours, theirs] = memoryPair(target)
    dialled.push(target)
    const server = new Peer(theirs)
    servers.push(server)
    options.onServer?.(server, servers.length - 1)
    return ours
  }
  const relay = relayHttp1(far, Buffer.from(options.first ?? '', 'latin1'), {
    plan: plannerInto(recorded, options),
    dial,
    pool: options.pool ?? null,
    onRefused: (request) => refused.push(request),
    firstUpstream: options.firstUpstream ?? null,
    lingerMs: options.lingerMs ?? 5_000,
  })
  return { client: new Peer(near), servers, dialled, recorded, refused, relay }
}
