/** Sends new records on to those who follow them live, in the form that each of them reads. */
import type { TraceRecord } from '../../core/trace-record.ts'
import { matches, type RecordFilter } from './filter.ts'

/** The way to one follower. */
export interface FollowerSink {
  write(text: string): void
  /** Bytes written that the follower has not taken yet. */
  readonly waitingBytes: number
  end(): void
}

/** How a stream tells what there is to tell; `version` is the state of the store after it. */
export interface FollowerForm {
  /** Sent at once, if not empty: proxies and browsers then know that the stream stands. */
  hello(version: number): string
  /** What tells of new records, which all match; each text is sent or left out as a whole. */
  news(records: readonly TraceRecord[], version: number): Iterable<string>
  /** So many texts were left out. */
  missed(count: number, version: number): string
  /** Sent, if not empty, where there is nothing else to say. */
  ping(version: number): string
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

/** Proxies on the way cut silent connections after 30 to 60 s; a sign of life comes this often (ms). */
export const PING_MS = 15_000

/**
 * Traces whose changes are remembered, for who has listed and then follows: a busy team makes so many in a
 * minute, and the two calls are some ms apart.
 */
const MAX_RECENT = 1000

interface Follower {
  filter: RecordFilter
  form: FollowerForm
  sink: FollowerSink
  /** Texts left out since the last one that was sent. */
  missed: number
}

export class Followers {
  readonly #followers = new Set<Follower>()
  readonly #ping: NodeJS.Timeout
  /** Traces by the version that their latest record made, oldest first. */
  readonly #recent = new Map<string, number>()
  /** The version up to which `#recent` has forgotten something. */
  #forgotten: number
  #version: number
  #closed = false

  /**
   * @param startedAt wall clock in ms since 1970: versions begin at a thousandth of it each, so that those of
   *   a later life are greater as long as there are fewer than a million batches a second
   */
  constructor(startedAt = 0) {
    this.#version = startedAt * 1000
    this.#forgotten = this.#version
    this.#ping = setInterval(() => this.#pingAll(), PING_MS)
  }

  get size(): number {
    return this.#followers.size
  }

  /** No more may be added. */
  get isFull(): boolean {
    return this.size >= MAX_FOLLOWERS
  }

  /** Grows with every batch that brought something new; never 0 if the clock was given. */
  get version(): number {
    return this.#version
  }

  /** Ids of the traces that got records after `version`; null if that is too long ago, or of another life. */
  changedSince(version: number): string[] | null {
    if (version < this.#forgotten || version > this.#version) return null
    return [...this.#recent].filter(([, at]) => at > version).map(([traceId]) => traceId)
  }

  /** Starts to send what comes from now on; the returned function ends it. */
  add(filter: RecordFilter, sink: FollowerSink, form: FollowerForm = EVENT_STREAM): () => void {
    const follower: Follower = { filter, form, sink, missed: 0 }
    // A request that was on its way when the end began must not hold the end up.
    if (this.#closed) {
      sink.end()
      return () => {}
    }
    this.#followers.add(follower)
    writeUnlessEmpty(sink, form.hello(this.#version))
    return () => this.#followers.delete(follower)
  }

  publish(records: readonly TraceRecord[]): void {
    if (records.length === 0) return
    this.#version += 1
    this.#remember(records)
    for (const follower of this.#followers) {
      const wanted = records.filter((record) => matches(record, follower.filter))
      if (wanted.length > 0) this.#send(follower, wanted)
    }
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#ping)
    for (const { sink } of this.#followers) sink.end()
    this.#followers.clear()
  }

  #remember(records: readonly TraceRecord[]): void {
    for (const { traceId } of records) {
      // Taken out first, so that the order of the map is that of the versions.
      this.#recent.delete(traceId)
      this.#recent.set(traceId, this.#version)
    }
    for (const [traceId, version] of this.#recent) {
      if (this.#recent.size <= MAX_RECENT) return
      this.#recent.delete(traceId)
      this.#forgotten = version
    }
  }

  #send(follower: Follower, records: readonly TraceRecord[]): void {
    const { form, sink } = follower
    for (const text of form.news(records, this.#version)) {
      if (sink.waitingBytes > MAX_WAITING_BYTES) {
        follower.missed += 1
        continue
      }
      if (follower.missed > 0) {
        sink.write(form.missed(follower.missed, this.#version))
        follower.missed = 0
      }
      sink.write(text)
    }
  }

  #pingAll(): void {
    for (const { sink, form } of this.#followers) {
      if (sink.waitingBytes === 0) writeUnlessEmpty(sink, form.ping(this.#version))
    }
  }
}

function writeUnlessEmpty(sink: FollowerSink, text: string): void {
  if (text !== '') sink.write(text)
}

const texts = new WeakMap<TraceRecord, string>()

/** Server-Sent Events, one a record (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export const EVENT_STREAM: FollowerForm = {
  hello: () => ': following\n\n',
  *news(records) {
    for (const record of records) {
      // Followers share the text.
      const text = texts.get(record) ?? eventText('record', record)
      texts.set(record, text)
      yield text
    }
  },
  missed: (records) => eventText('missed', { records }),
  ping: () => ': ping\n\n',
}

/** JSON has no raw line break, so one line of data is enough. */
function eventText(event: 'record' | 'missed', data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
