/**
 * Keeps the routing table up to date from the controller's feed. While the controller is away the
 * last table stays in force; every new connection starts with a snapshot.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Log } from '../core/log.ts'
import { FEED_HEARTBEAT_MS, type FeedMessage, type FeedQuery } from '../core/routing-feed.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import { backOffMs } from './back-off.ts'
import type { AskController } from './controller-endpoint.ts'
import { parseFeedLine } from './feed-message.ts'

/**
 * Longest line in characters: a snapshot of 10 000 services at 1 kB is 10 MB. What is longer is no
 * feed, and must not fill the sidecar's memory.
 */
const MAX_LINE = 32 * 1024 * 1024

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
  #request: ClientRequest | null = null
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  #rest = ''
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
    this.#request?.destroy()
    this.#request = null
  }

  #connect(): void {
    const silence = this.#options.silenceMs ?? 3 * FEED_HEARTBEAT_MS
    this.#state = 'connecting'
    this.#rest = ''
    this.#epoch = null
    const request = this.#options.ask(`/v1/feed?${queryOf(this.#options.query)}`, {
      headers: { accept: 'application/x-ndjson' },
      timeout: silence,
      agent: false,
    })
    this.#request = request
    request.on('timeout', () => {
      request.destroy(new Error(`nothing came for ${silence} ms, not even a heartbeat`))
    })
    request.on('response', (response) => this.#read(request, response))
    request.on('error', (error) => this.#fail(request, error.message || String(error)))
    request.end()
  }

  #read(request: ClientRequest, response: IncomingMessage): void {
    if (response.statusCode !== 200) {
      request.destroy()
      this.#fail(request, `the controller answered ${response.statusCode}`)
      return
    }
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      if (request !== this.#request) return
      const problem = this.#take(text)
      if (problem === null) return
      request.destroy()
      this.#fail(request, problem)
    })
    response.on('error', (error) => this.#fail(request, error.message))
    response.on('close', () => this.#fail(request, 'the controller ended the feed'))
  }

  /** Applies all whole lines; returns what is wrong with the first bad one. */
  #take(text: string): string | null {
    // Only what is new is searched, and V8 joins the pieces of a line once: when it is parsed.
    const [first = '', ...others] = text.split('\n')
    const lines = [this.#rest + first, ...others]
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE) return `a line is longer than ${MAX_LINE} characters`
    for (const line of lines) {
      if (line.trim() === '') continue
      const parsed = parseFeedLine(line)
      if (!parsed.ok) return parsed.problem
      const problem = this.#apply(parsed.message)
      if (problem !== null) return problem
    }
    return null
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
  #fail(request: ClientRequest, problem: string): void {
    if (request !== this.#request || this.#state === 'stopped') return
    this.#request = null
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
