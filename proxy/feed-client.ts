/**
 * Keeps the routing table up to date from the controller's feed. While the controller is away the
 * last table stays in force; every new connection starts with a snapshot.
 */
import type { Log } from '../core/log.ts'
import { FEED_HEARTBEAT_MS, type FeedMessage, type FeedQuery } from '../core/routing-feed.ts'
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
  /** Called after every snapshot and delta that was taken. */
  onTable?: () => void
}

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
  /** Epoch of this connection's snapshot; null until it has come. */
  #epoch: string | null = null
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

  #connect(): void {
    this.#state = 'connecting'
    this.#pieces = []
    this.#length = 0
    this.#epoch = null
    const asked = this.#options.ask(
      {
        method: 'GET',
        path: `/v1/feed?${queryOf(this.#options.query)}`,
        headers: { accept: 'application/x-ndjson' },
        silenceMs: this.#options.silenceMs ?? 3 * FEED_HEARTBEAT_MS,
      },
      {
        onStatus: (status) => {
          if (status !== 200) this.#break(asked, `the controller answered ${status}`)
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
    if (message.type === 'heartbeat') return null
    if (message.type === 'delta' && message.version.epoch !== this.#epoch) {
      return 'a delta came that does not belong to this connection’s snapshot'
    }
    this.#options.table.apply(message)
    if (message.type === 'snapshot') {
      this.#epoch = message.version.epoch
      this.#failures = 0
      this.#state = 'streaming'
      this.#options.log.info({ version: message.version }, 'routing table taken')
    }
    this.#options.onTable?.()
    return null
  }

  /** Only the first word about the current connection counts; later ones are echoes of it. */
  #fail(asked: ReturnType<AskController>, problem: string): void {
    if (asked !== this.#asked || this.#state === 'stopped') return
    this.#asked = null
    this.#failures++
    this.#state = 'waiting'
    const delayMs = backOffMs(this.#failures, this.#options.random())
    // A controller that is being replaced is normal; said once, then only where debugging.
    const level = this.#failures === 1 ? 'warn' : 'debug'
    const version = this.#options.table.version
    this.#options.log[level]({ problem, delayMs, version }, 'routing feed lost, trying again')
    this.#retry = setTimeout(() => this.#connect(), delayMs)
    this.#retry.unref()
  }
}

function queryOf(query: FeedQuery): string {
  return new URLSearchParams(Object.entries(query)).toString()
}
