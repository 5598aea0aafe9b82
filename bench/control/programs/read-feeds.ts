/**
 * Program of the benchmarks: many sidecars' feeds in one process. They come and go as a sidecar's do, over the same
 * client, but of the lines only the heads are read: a table of 5,000 services takes 25 MB, which a thousand times
 * would be the machine's. Told what to do, and asked what it has seen, by the messages of its parent.
 */
import { returnSpreadMs } from '../../../core/routing-feed.ts'
import { backOffMs } from '../../../proxy/back-off.ts'
import { createAskController } from '../../../proxy/controller-endpoint.ts'
import { netTransport } from '../../../proxy/net-transport.ts'

export interface FeedIdentity {
  namespace: string
  pod: string
  token: string
}

export type Order =
  | { type: 'open'; url: string; authorities: string; identities: FeedIdentity[] }
  /** Forget what was seen so far. */
  | { type: 'forget' }
  | { type: 'tell' }

/** What was seen since the last `forget`. Times are ms since 1970. */
export interface Seen {
  /** Feeds whose first message has come. */
  open: number
  /** First messages of feeds by type. */
  firsts: Record<string, number>
  /** When the last of them came. */
  firstsAt: number
  /** Connections that ended. */
  lost: number
  /** Why the last of them did, or was not to be had. */
  problem: string
  /** By number of the change: how many have it, and when the last of them got it. */
  changes: Record<number, { count: number; at: number }>
}

const SILENCE_MS = 30_000
/** So much of a line is kept: its head, and all of a short delta. */
const KEPT = 4096
const LF = 0x0a

const nothing = (): Omit<Seen, 'open'> => ({
  firsts: {},
  firstsAt: 0,
  lost: 0,
  problem: '',
  changes: {},
})
let seen = nothing()
let open = 0

process.on('message', (order: Order) => {
  if (order.type === 'open') openAll(order)
  else if (order.type === 'forget') seen = nothing()
  else process.send?.({ ...seen, open } satisfies Seen)
})
process.on('disconnect', () => process.exit(0))

/** Pods start one after the other, however many they are: as far apart as they come back. */
function openAll(order: Extract<Order, { type: 'open' }>): void {
  const spread = returnSpreadMs(2 * order.identities.length)
  for (const one of order.identities) {
    const feed = new Feed(one, order)
    setTimeout(() => feed.connect(), Math.random() * spread)
  }
}

class Feed {
  readonly #identity: FeedIdentity
  readonly #ask: ReturnType<typeof createAskController>
  #line = ''
  #version = ''
  #digest = ''
  #readers = 350
  #returnMs: number | null = null
  #failures = 0
  #isOpen = false

  constructor(identity: FeedIdentity, { url, authorities }: Extract<Order, { type: 'open' }>) {
    this.#identity = identity
    const { token } = identity
    this.#ask = createAskController(url, 'cluster.local', {
      dial: (target) => netTransport.dial(target),
      resolve: async () => ['127.0.0.1'],
      identity: { current: async () => ({ token, authorities }), refused: () => {} },
    })
  }

  connect(): void {
    const { namespace, pod } = this.#identity
    const has = this.#digest === '' ? {} : { since: this.#version, digest: this.#digest }
    this.#line = ''
    this.#returnMs = null
    const asked = this.#ask(
      {
        method: 'GET',
        path: `/v1/feed?${new URLSearchParams({ namespace, pod, ...has })}`,
        headers: { accept: 'application/x-ndjson' },
        silenceMs: SILENCE_MS,
      },
      {
        onStatus: (status) => {
          if (status === 200) return
          asked.abort()
          this.#lost(`answered ${status}`)
        },
        onData: (bytes) => this.#take(bytes),
        onEnd: () => this.#lost('ended'),
        onFail: (problem) => this.#lost(problem),
      },
    )
  }

  #lost(problem: string): void {
    const wasOpen = this.#isOpen
    seen.problem = problem
    if (wasOpen) {
      open--
      seen.lost++
    }
    this.#isOpen = false
    const delay = this.#delayMs(wasOpen)
    this.#failures++
    setTimeout(() => this.connect(), delay)
  }

  #delayMs(wasOpen: boolean): number {
    if (this.#returnMs !== null) return this.#returnMs
    if (wasOpen) return Math.random() * returnSpreadMs(this.#readers)
    return backOffMs(this.#failures + 1, Math.random())
  }

  #take(bytes: Buffer): void {
    let from = 0
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      this.#keep(bytes, from, end)
      this.#read(this.#line)
      this.#line = ''
      from = end + 1
    }
    this.#keep(bytes, from, bytes.length)
  }

  #keep(bytes: Buffer, from: number, end: number): void {
    const room = KEPT - this.#line.length
    if (room > 0) this.#line += bytes.toString('latin1', from, Math.min(end, from + room))
  }

  #read(line: string): void {
    const [, type = ''] = /^\{"type":"([a-z]+)"/.exec(line) ?? []
    if (type === 'bye') this.#returnMs = Number(/"afterMs":(\d+)/.exec(line)?.[1])
    if (type === 'heartbeat') this.#readers = Number(/"readers":(\d+)/.exec(line)?.[1])
    if (type === 'bye' || type === 'heartbeat') return
    const [, epoch = '', number = '', digest = ''] =
      /"epoch":"([^"]+)","number":(\d+)\},"digest":"([0-9a-f]+)"/.exec(line) ?? []
    this.#version = `${epoch}.${number}`
    this.#digest = digest
    if (!this.#isOpen) this.#opened(type)
    else if (type === 'delta') countChange(line)
  }

  #opened(type: string): void {
    this.#isOpen = true
    this.#failures = 0
    open++
    seen.firsts[type] = (seen.firsts[type] ?? 0) + 1
    seen.firstsAt = Date.now()
  }
}

function countChange(line: string): void {
  const at = Date.now()
  for (const [, digits = ''] of line.matchAll(/"change-(\d+)"/g)) {
    const change = seen.changes[Number(digits)] ?? { count: 0, at }
    seen.changes[Number(digits)] = { count: change.count + 1, at }
  }
}
