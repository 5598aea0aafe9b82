/**
 * Keeps the routing table up to date from the controller's feed. While the controller is away the
 * last table stays in force; every new connection says which table there is, and goes on from it where it can.
 */
import type { Log } from '../core/log.ts'
import {
  FEED_HEARTBEAT_MS,
  type FeedMessage,
  type FeedQuery,
  returnSpreadMs,
  SIDECAR_HEADER,
} from '../core/routing-feed.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import { backOffMs } from './back-off.ts'
import type { AskController } from './controller-endpoint.ts'
import { parseFeedLine } from './feed-message.ts'

/**
 * Longest line in bytes: a snapshot of 10 000 services at 1 kB is 10 MB. What is longer is no
 * feed, and must not fill the sidecar's memory.
 */
const MAX_LINE = 32 * 1024 * 1024

const LF = 0x0a

export interface FeedClientOptions {
  ask: AskController
  query: FeedQuery
  table: RoutingTable
  log: Log
  /** Milliseconds since 1970. */
  now: () => number
  random: () => number
  /** Milliseconds without a byte after which the connection counts as dead. */
  silenceMs?: number
  /** Called after every message that was taken into the table. */
  onTable?: () => void
  /** JSON of what this proxy tells of itself (`SidecarReport`), asked for at each connection. */
  report?: () => string | null
}

/** How many readers the controller has, as long as it has not said: enough for a return spread over 2 s. */
const UNKNOWN_READERS = 350

export type FeedState = 'connecting' | 'streaming' | 'waiting' | 'stopped'

export class FeedClient {
  readonly #options: FeedClientOptions
  #state: FeedState = 'stopped'
  #asked: ReturnType<AskController> | null = null
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  /** What has come of a line that has not ended yet, in pieces: they are joined once. */
  #pieces: Buffer[] = []
  #length = 0
  /** Epoch of this connection's table; null until its first message has come. */
  #epoch: string | null = null
  /** Digest of the table; null before the first, or where the controller says none. */
  #digest: string | null = null
  /** How many readers the controller had when it last said so. */
  #readers = UNKNOWN_READERS
  /** When the controller that ends in order wants to be asked again, ms. */
  #returnMs: number | null = null
  #lastMessageAt: number | null = null

  constructor(options: FeedClientOptions) {
    this.#options = options
  }

  get state(): FeedState {
    return this.#state
  }

  /** When the last message came, heartbeats included, in milliseconds since 1970. */
  get lastMessageAt(): number | null {
    return this.#lastMessageAt
  }

  start(): void {
    if (this.#state !== 'stopped') return
    this.#connect()
  }

  stop(): void {
    this.#state = 'stopped'
    clearTimeout(this.#retry)
    this.#asked?.abort()
    this.#asked = null
    this.#pieces = []
  }

  /** Opens the feed anew, with what there is to tell now; the table stays, and is gone on from. */
  again(): void {
    if (this.#state !== 'streaming') return
    this.#asked?.abort()
    this.#connect()
  }

  #connect(): void {
    this.#state = 'connecting'
    this.#pieces = []
    this.#length = 0
    this.#epoch = null
    this.#returnMs = null
    const report = this.#options.report?.() ?? null
    const asked = this.#options.ask(
      {
        method: 'GET',
        path: `/v1/feed?${this.#query()}`,
        headers: {
          accept: 'application/x-ndjson',
          ...(report === null ? {} : { [SIDECAR_HEADER]: report }),
        },
        silenceMs: this.#options.silenceMs ?? 3 * FEED_HEARTBEAT_MS,
      },
      {
        onStatus: (status) => {
          if (status === 200) return
          // One that does not know what is asked for besides: it is an older one.
          if (status === 400) this.#digest = null
          this.#break(asked, `the controller answered ${status}`)
        },
        onData: (bytes) => {
          if (asked !== this.#asked) return
          const problem = this.#take(bytes)
          if (problem !== null) this.#break(asked, problem)
        },
        onEnd: () => this.#fail(asked, 'the controller ended the feed'),
        onFail: (problem) => this.#fail(asked, problem),
      },
    )
    this.#asked = asked
  }

  #break(asked: ReturnType<AskController>, problem: string): void {
    asked.abort()
    this.#fail(asked, problem)
  }

  /** Applies all whole lines; returns what is wrong with the first bad one. */
  #take(bytes: Buffer): string | null {
    let from = 0
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      const line = this.#join(bytes.subarray(from, end))
      from = end + 1
      if (line.trim() === '') continue
      const parsed = parseFeedLine(line)
      if (!parsed.ok) return parsed.problem
      const problem = this.#apply(parsed.message)
      if (problem !== null) return problem
    }
    if (from < bytes.length) this.#pieces.push(bytes.subarray(from))
    this.#length += bytes.length - from
    return this.#length > MAX_LINE ? `a line is longer than ${MAX_LINE} bytes` : null
  }

  /** A line, of which this is the last piece. */
  #join(last: Buffer): string {
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#length = 0
    return whole.toString()
  }

  #apply(message: FeedMessage): string | null {
    this.#lastMessageAt = this.#options.now()
    switch (message.type) {
      case 'heartbeat':
        this.#readers = message.readers ?? this.#readers
        return null
      case 'bye':
        this.#returnMs = message.afterMs
        return null
      default:
        return this.#takeTable(message)
    }
  }

  #takeTable(message: Exclude<FeedMessage, { type: 'heartbeat' | 'bye' }>): string | null {
    const { table, log, onTable } = this.#options
    const { type, version } = message
    if (type !== 'snapshot') {
      const problem = this.#problemOf(message)
      if (problem !== null) return problem
    }
    table.apply(message)
    this.#digest = message.digest ?? null
    if (this.#epoch === null) {
      this.#epoch = version.epoch
      this.#failures = 0
      this.#state = 'streaming'
      const what = type === 'snapshot' ? 'routing table taken' : 'routing table kept'
      log.info({ version, by: type }, what)
    }
    onTable?.()
    return null
  }

  /** What is wrong with a message that stands on the table that there is. */
  #problemOf({ type, version, digest }: Exclude<FeedMessage, { type: 'heartbeat' | 'bye' }>) {
    if (this.#epoch !== null && version.epoch !== this.#epoch) {
      return `a ${type} came that does not belong to this connection’s table`
    }
    if (this.#epoch !== null && type !== 'resume') return null
    // The first message: the controller knows the table that was asked with, and leads on from it.
    const { table } = this.#options
    const isAsked = this.#digest !== null && table.version !== null
    if (!isAsked) return `a ${type} came before any snapshot`
    if (type === 'resume' && digest !== this.#digest) {
      return 'a resume came for another table than there is'
    }
    return null
  }

  #query(): string {
    const { query, table } = this.#options
    const { version } = table
    const has =
      version && this.#digest !== null
        ? { since: `${version.epoch}.${version.number}`, digest: this.#digest }
        : {}
    return new URLSearchParams(Object.entries({ ...query, ...has })).toString()
  }

  /** Only the first word about the current connection counts; later ones are echoes of it. */
  #fail(asked: ReturnType<AskController>, problem: string): void {
    if (asked !== this.#asked || this.#state === 'stopped') return
    this.#asked = null
    const delayMs = this.#delayMs(this.#state === 'streaming')
    this.#failures++
    this.#state = 'waiting'
    // A controller that is being replaced is normal; said once, then only where debugging.
    const level = this.#failures === 1 ? 'warn' : 'debug'
    const version = this.#options.table.version
    this.#options.log[level]({ problem, delayMs, version }, 'routing feed lost, trying again')
    this.#retry = setTimeout(() => this.#connect(), delayMs)
    this.#retry.unref()
  }

  /** @param wasOpen all other feeds will have been lost with it, and will come back as well */
  #delayMs(wasOpen: boolean): number {
    const { random } = this.#options
    if (this.#returnMs !== null) return this.#returnMs
    if (wasOpen) return random() * returnSpreadMs(this.#readers)
    return backOffMs(this.#failures + 1, random())
  }
}
