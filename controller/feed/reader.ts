/** One reader of a feed: who it is, what it has been told, and whether it keeps up. */
import type { SidecarReport } from '../../core/routing-feed.ts'
import { tail } from './feed-lines.ts'
import type { Group } from './groups.ts'
import { NO_POD, type PodState } from './pod-state.ts'
import type { LineSink } from './snapshot-writer.ts'

/** Who reads a feed; the gateway reads every tree, a sidecar its own. */
export type FeedReader = { scope: 'all' } | { scope: 'tree'; namespace: string; pod: string }

/** The way to one reader. */
export interface FeedSink extends LineSink {
  /** Ends the stream when all has been taken; the reader will come back and say which table it has. */
  end(): void
  /** Ends it at once: the reader takes nothing, or is in the middle of a line. */
  cut(): void
}

export interface ReaderFacts {
  /** Monotonic time in ms. */
  now: () => number
  /** When it came, in ms since 1970. */
  since: number
  report: SidecarReport | null
  /** Digest of the table that it has. */
  digest: string | null
}

export class Reader implements LineSink {
  readonly of: FeedReader
  readonly since: number
  readonly report: SidecarReport | null
  /** Digest of the table that it came with, until it has been looked up. */
  digest: string | null
  /** Whose state it has; null until it has any. */
  group: Group | null = null
  /** Number of that state. */
  number = 0
  /** Something has been said to it, and all about its pod. */
  isIntroduced = false
  /** What was said of its pod may not be true any more. */
  podIsStale = true
  /** Waits for its turn to get a long line, or is at it. */
  isServed = false
  /** Since when it has been behind, in ms; null if it is not. */
  behindSince: number | null = null
  /** When anything was last sent to it. */
  sentAt: number
  readonly #sink: FeedSink
  readonly #now: () => number
  #self = ''
  #pod: PodState = NO_POD

  constructor(of: FeedReader, sink: FeedSink, { now, since, report, digest }: ReaderFacts) {
    this.of = of
    this.since = since
    this.report = report
    this.digest = digest
    this.sentAt = now()
    this.#sink = sink
    this.#now = now
  }

  /** `<epoch>.<number>` of the state that it has. */
  get table(): string | null {
    return this.group && `${this.group.stamp.version.epoch}.${this.number}`
  }

  write(bytes: Buffer): boolean {
    this.sentAt = this.#now()
    const keepsUp = this.#sink.write(bytes)
    if (!keepsUp) this.behindSince = this.sentAt
    return keepsUp
  }

  end(): void {
    this.#sink.end()
  }

  cut(): void {
    this.#sink.cut()
  }

  /** The end of a line that says all about the pod. */
  wholeTail(pod: PodState): Buffer {
    this.#note(pod)
    this.isIntroduced = true
    return tail(pod.self, pod)
  }

  /** The end of a line that says what is new about the pod; null if nothing is. */
  newsTail(pod: PodState): Buffer | null {
    const self = this.#self
    const { leaving, finished } = this.#pod
    this.#note(pod)
    const news = { leaving: pod.leaving && !leaving, finished: pod.finished && !finished }
    if (this.#self === self && !news.leaving && !news.finished) return null
    return tail(this.#self === self ? null : pod.self, news)
  }

  #note(pod: PodState): void {
    this.podIsStale = false
    this.#self = JSON.stringify(pod.self)
    this.#pod = pod
  }
}
