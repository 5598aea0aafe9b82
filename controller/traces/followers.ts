/** Sends new records on to those who follow them live, as Server-Sent Events. */
import type { TraceQuery } from '../../core/controller-api.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { matches } from './filter.ts'

/** The way to one follower. */
export interface FollowerSink {
  write(text: string): void
  /** Bytes written that the follower has not taken yet. */
  readonly waitingBytes: number
  end(): void
}

/**
 * What may wait for one follower (bytes): some 250 usual records, or one of the longest (0.6 MB). A
 * page that takes less than is written loses records rather than the controller its memory, and is
 * told how many.
 */
export const MAX_WAITING_BYTES = 1024 * 1024

/**
 * Followers at the same time: three for each of a team of 20. If all stall, 100 MiB wait at the most,
 * a fifth of the controller's memory limit.
 */
export const MAX_FOLLOWERS = 64

/** Proxies on the way cut silent connections after 30 to 60 s; a comment comes this often (ms). */
export const PING_MS = 15_000

interface Follower {
  filter: TraceQuery
  sink: FollowerSink
  /** Records left out since the last one that was sent. */
  missed: number
}

export class Followers {
  readonly #followers = new Set<Follower>()
  readonly #ping: NodeJS.Timeout
  #closed = false

  constructor() {
    this.#ping = setInterval(() => this.#pingAll(), PING_MS)
  }

  get size(): number {
    return this.#followers.size
  }

  /** No more may be added. */
  get isFull(): boolean {
    return this.size >= MAX_FOLLOWERS
  }

  /** Starts to send what comes from now on; the returned function ends it. */
  add(filter: TraceQuery, sink: FollowerSink): () => void {
    const follower: Follower = { filter, sink, missed: 0 }
    // A request that was on its way when the end began must not hold the end up.
    if (this.#closed) {
      sink.end()
      return () => {}
    }
    this.#followers.add(follower)
    // A first byte at once: proxies and browsers then know that the stream stands.
    sink.write(': following\n\n')
    return () => this.#followers.delete(follower)
  }

  publish(records: readonly TraceRecord[]): void {
    if (this.#followers.size === 0) return
    for (const record of records) {
      let text: string | null = null
      for (const follower of this.#followers) {
        if (!matches(record, follower.filter)) continue
        text ??= eventText('record', record)
        this.#send(follower, text)
      }
    }
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#ping)
    for (const { sink } of this.#followers) sink.end()
    this.#followers.clear()
  }

  #send(follower: Follower, text: string): void {
    if (follower.sink.waitingBytes > MAX_WAITING_BYTES) {
      follower.missed += 1
      return
    }
    if (follower.missed > 0) {
      follower.sink.write(eventText('missed', { records: follower.missed }))
      follower.missed = 0
    }
    follower.sink.write(text)
  }

  #pingAll(): void {
    for (const { sink } of this.#followers) {
      if (sink.waitingBytes === 0) sink.write(': ping\n\n')
    }
  }
}

/** One event (https://html.spec.whatwg.org/multipage/server-sent-events.html); JSON has no raw line break. */
function eventText(event: 'record' | 'missed', data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
