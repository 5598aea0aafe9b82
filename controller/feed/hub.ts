/** Serves feeds: a snapshot to each new reader, then what changed, and a heartbeat where nothing does. */
import { isDeepStrictEqual } from 'node:util'
import {
  FEED_HEARTBEAT_MS,
  type FeedMessage,
  type FeedVersion,
  type SelfPort,
} from '../../core/routing-feed.ts'
import { diffViews, type View, type ViewChange } from './diff.ts'
import type { Views } from './views.ts'

/** Where a feed is read from. */
export interface FeedSource {
  views(): Views
  selfOf(namespace: string, pod: string): SelfPort[]
  isLeaving(namespace: string, pod: string): boolean
}

/** Who reads a feed; the gateway reads every tree, a sidecar its own. */
export type FeedReader = { scope: 'all' } | { scope: 'tree'; namespace: string; pod: string }

/** The way to one reader. */
export interface FeedSink {
  /** Sends a line; false if the reader is behind and no more is to be sent until it has caught up. */
  write(line: string): boolean
  /** Ends the stream; the reader will come back and begin with a snapshot. */
  end(): void
}

export interface Subscription {
  /** The reader has caught up. */
  drained(): void
  /** The reader is gone. */
  closed(): void
}

/**
 * Changes within this time (ms) travel together: a rollout touches a Service, its slices and pods
 * within some ms of each other, and a change must reach sidecars within some tens of ms.
 */
export const COALESCE_MS = 20

/** A reader that has not caught up for this time (ms) is gone: the same as a reader's own patience. */
const STALLED_MS = 3 * FEED_HEARTBEAT_MS

interface Subscriber {
  reader: FeedReader
  sink: FeedSink
  /** What the reader has been told; null before its snapshot. */
  told: { view: View; self: SelfPort[]; leaving: boolean; version: FeedVersion } | null
  /** Since when it has been behind, in ms; null if it is not. */
  behindSince: number | null
  /** When anything was last sent to it. */
  sentAt: number
}

export interface HubOptions {
  source: FeedSource
  /** Unique to this life of the controller. */
  epoch: string
  /** Monotonic time in ms. */
  now: () => number
  onMessage: (type: FeedMessage['type']) => void
}

/**
 * What a reader has been told is kept as a view, so one that is behind simply gets the difference to
 * the newest view once it has caught up: memory stays at one message a reader, however slow it is.
 */
export class FeedHub {
  readonly #options: HubOptions
  readonly #subscribers = new Set<Subscriber>()
  #started = false
  #closed = false
  /** Grows with every change of the source. */
  #number = 0
  #pending: NodeJS.Timeout | null = null
  readonly #heartbeat: NodeJS.Timeout
  /** Differences by old and new view: all readers of a tree share one. */
  readonly #changes = new WeakMap<View, WeakMap<View, { change: ViewChange | null }>>()

  constructor(options: HubOptions) {
    this.#options = options
    // Checked four times as often as it is due, so that a beat is late by a quarter at most.
    this.#heartbeat = setInterval(() => this.#beat(), FEED_HEARTBEAT_MS / 4)
  }

  get size(): number {
    return this.#subscribers.size
  }

  /** The source is complete: from now on readers get snapshots. Before, they wait. */
  start(): void {
    if (this.#closed) return
    this.#started = true
    this.#flush()
  }

  /** Something changed: tell everybody soon. */
  changed(): void {
    this.#number += 1
    if (!this.#started || this.#pending) return
    this.#pending = setTimeout(() => {
      this.#pending = null
      this.#flush()
    }, COALESCE_MS)
  }

  subscribe(reader: FeedReader, sink: FeedSink): Subscription {
    const subscriber: Subscriber = {
      reader,
      sink,
      told: null,
      behindSince: null,
      sentAt: this.#options.now(),
    }
    // A request that was on its way when the end began must not hold the end up.
    if (this.#closed) sink.end()
    else this.#subscribers.add(subscriber)
    if (this.#started) this.#tell(subscriber)
    return {
      drained: () => {
        subscriber.behindSince = null
        if (this.#started && this.#subscribers.has(subscriber)) this.#tell(subscriber)
      },
      closed: () => this.#subscribers.delete(subscriber),
    }
  }

  /** Ends every feed. */
  close(): void {
    this.#closed = true
    clearInterval(this.#heartbeat)
    if (this.#pending) clearTimeout(this.#pending)
    this.#started = false
    for (const subscriber of this.#subscribers) this.#drop(subscriber)
  }

  #flush(): void {
    for (const subscriber of this.#subscribers) this.#tell(subscriber)
  }

  #tell(subscriber: Subscriber): void {
    if (subscriber.behindSince !== null) return
    const { told, reader } = subscriber
    const { source, epoch } = this.#options
    const views = source.views()
    const isTree = reader.scope === 'tree'
    const view = isTree ? views.ofNamespace(reader.namespace) : views.all
    const self = isTree ? source.selfOf(reader.namespace, reader.pod) : []
    const leaving = isTree && source.isLeaving(reader.namespace, reader.pod)
    const version = { epoch, number: this.#number }
    if (!told) {
      subscriber.told = { view, self, leaving, version }
      const { spaces, services } = view
      const state = { spaces: [...spaces.values()], services: [...services.values()], self }
      this.#send(subscriber, { type: 'snapshot', version, ...state, ...(leaving && { leaving }) })
      return
    }
    const change = this.#changeBetween(told.view, view)
    const newSelf = isDeepStrictEqual(told.self, self) ? null : self
    const leaves = leaving && !told.leaving
    const isNews = change !== null || newSelf !== null || leaves
    subscriber.told = { view, self, leaving, version: isNews ? version : told.version }
    if (!isNews) return
    const { spaces, services } = change ?? NO_CHANGE
    const news = { spaces, services, self: newSelf, ...(leaves && { leaving: true }) }
    this.#send(subscriber, { type: 'delta', version, ...news })
  }

  #changeBetween(old: View, now: View): ViewChange | null {
    const fromOld = this.#changes.get(old) ?? new WeakMap()
    this.#changes.set(old, fromOld)
    const known = fromOld.get(now)
    if (known) return known.change
    const change = diffViews(old, now)
    fromOld.set(now, { change })
    return change
  }

  #send(subscriber: Subscriber, message: FeedMessage): void {
    subscriber.sentAt = this.#options.now()
    this.#options.onMessage(message.type)
    const keepsUp = subscriber.sink.write(`${JSON.stringify(message)}\n`)
    if (!keepsUp) subscriber.behindSince = subscriber.sentAt
  }

  #beat(): void {
    const now = this.#options.now()
    for (const subscriber of this.#subscribers) {
      const { behindSince, sentAt, told } = subscriber
      if (behindSince !== null) {
        if (now - behindSince > STALLED_MS) this.#drop(subscriber)
      } else if (now - sentAt >= FEED_HEARTBEAT_MS * 0.75) {
        const version = told?.version ?? { epoch: this.#options.epoch, number: 0 }
        this.#send(subscriber, { type: 'heartbeat', version })
      }
    }
  }

  #drop(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
    subscriber.sink.end()
  }
}

const NO_CHANGE: ViewChange = {
  spaces: { put: [], remove: [] },
  services: { put: [], remove: [] },
}
