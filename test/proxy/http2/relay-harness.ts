/** An HTTP/2 relay between connections in memory: the test plays the client and the servers. */
import { afterEach } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import type { PlanStream, RefusedRequest, RequestHead } from '../../../proxy/exchange.ts'
import { type Http2Connection, relayHttp2 } from '../../../proxy/http2/relay.ts'
import type { FirstUpstream } from '../../../proxy/http2/upstreams.ts'
import { type MemoryStream, memoryPair } from '../memory-stream.ts'
import { type PlanOptions, plannerInto, type Recorded } from '../recorded-exchange.ts'
import { Http2Peer } from './peer.ts'

export interface HarnessOptions extends PlanOptions {
  /** Makes the plan of a stream later. */
  late?: (head: RequestHead) => Promise<void> | null
  /** Called with each connection that is dialled; without it, servers send SETTINGS at once. */
  onServer?: (server: Http2Peer, stream: MemoryStream, index: number) => void
  firstUpstream?: FirstUpstream
  now?: () => number
  /** How long a connection that was ended waits for its client, ms; 5 s if absent. */
  lingerMs?: number
  lastBytesMs?: number
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

/** Clients of the test that runs: relays that wait for one to close would keep the process from ending. */
const clients: MemoryStream[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

export function startRelay(options: HarnessOptions = {}): Harness {
  const [near, far] = memoryPair()
  clients.push(near)
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
    lingerMs: options.lingerMs ?? 5_000,
    ...(options.lastBytesMs !== undefined && { lastBytesMs: options.lastBytesMs }),
  })
  return { ...harness, client: new Http2Peer(near, 'client').open(), relay }
}

function planner(options: HarnessOptions, recorded: Recorded[]): PlanStream {
  const plan = plannerInto(recorded, options)
  return (head) => options.late?.(head)?.then(() => plan(head)) ?? plan(head)
}
