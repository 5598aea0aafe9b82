/** Serves feeds: the state to each new reader, then what changes, and a heartbeat where nothing does. */
import {
  FEED_HEARTBEAT_MS,
  type FeedMessage,
  returnSpreadMs,
  type SidecarReport,
} from '../../core/routing-feed.ts'
import { EMPTY_VIEW, type View } from './diff.ts'
import { Group } from './groups.ts'
import { isLong, lineOf, nextStep, type Step } from './next-line.ts'
import type { StalePods } from './pod-index.ts'
import { NO_POD, type PodState } from './pod-state.ts'
import { type FeedReader, type FeedSink, Reader } from './reader.ts'
import { SnapshotWriter } from './snapshot-writer.ts'
import type { Views } from './views.ts'

export type { FeedReader, FeedSink } from './reader.ts'

/** Where a feed is read from. */
export interface FeedSource {
  views(): Views
  podState(namespace: string, pod: string): PodState
  /** Pods whose state may have changed since this was called last. */
  takeStale(): StalePods
}

/** What a reader brings along. */
export interface FeedVisit {
  /** Digest of the table that it has. */
  digest?: string | undefined
  report?: SidecarReport | null
}

export interface Subscription {
  /** The reader has caught up. */
  drained(): void
  /** The reader is gone. */
  closed(): void
}

/** A sidecar whose feed is open. */
export interface FeedSidecar {
  namespace: string
  pod: string
  /** Since when, in ms since 1970. */
  since: number
  /** State of the table that it was last told, `<epoch>.<number>`; null before the first. */
  table: string | null
  /** What it tells of itself; null if nothing. */
  report: SidecarReport | null
}

/**
 * Changes within this time (ms) travel together: a rollout touches a Service, its slices and pods
 * within some ms of each other, and a change must reach sidecars within some tens of ms.
 */
export const COALESCE_MS = 20

/** One part in so many of the time is spent on telling readers at most, so that 1,000 of them leave room for the rest. */
const FLUSH_SHARE = 5

/** A reader that has not caught up for this time (ms) is gone: the same as a reader's own patience. */
const STALLED_MS = 3 * FEED_HEARTBEAT_MS

/**
 * A snapshot is kept for this time (ms) after the last one was sent: a herd comes over some seconds, and to make one
 * of 5,000 Services for each of a thousand readers would take 10 s and a gigabyte.
 */
const SNAPSHOT_REST_MS = 10_000

/** Group of those who read every tree; no namespace has such a name. */
const EVERY_TREE = '*'
/** Group of those whose namespace is no space. */
const NO_TREE = ''

export interface HubOptions {
  source: FeedSource
  /** Unique to this life of the controller. */
  epoch: string
  /** Monotonic time in ms. */
  now: () => number
  onMessage: (type: FeedMessage['type']) => void
  /** In [0, 1). */
  random?: () => number
  /** Milliseconds since 1970. */
  clock?: () => number
}

/**
 * What a reader has been told is the number of a state of its tree, and what led from one state to the next
 * is logged by key. So one that is behind gets one delta for all it missed, and memory stays at a slice a
 * reader, however slow it is.
 */
export class FeedHub {
  readonly #options: HubOptions
  readonly #readers = new Set<Reader>()
  /** Readers by namespace, for those whose pods change. */
  readonly #inNamespace = new Map<string, Set<Reader>>()
  readonly #groups = new Map<string, Group>()
  readonly #writer = new SnapshotWriter()
  #started = false
  #closed = false
  /** Grows with every change of the source. */
  #number = 0
  #pending: NodeJS.Timeout | null = null
  #restUntil = 0
  /** When the last long line was handed over. */
  #servedAt = 0
  readonly #heartbeat: NodeJS.Timeout

  constructor(options: HubOptions) {
    this.#options = options
    // Checked four times as often as it is due, so that a beat is late by a quarter at most.
    this.#heartbeat = setInterval(() => this.#beat(), FEED_HEARTBEAT_MS / 4)
  }

  get size(): number {
    return this.#readers.size
  }

  /** The sidecars whose feeds are open. */
  sidecars(): FeedSidecar[] {
    return [...this.#readers].flatMap((reader) => {
      const { of, since, table, report } = reader
      return of.scope === 'all'
        ? []
        : [{ namespace: of.namespace, pod: of.pod, since, table, report }]
    })
  }

  /** The source is complete: from now on readers get its state. Before, they wait. */
  start(): void {
    if (this.#closed) return
    this.#started = true
    this.#flush()
  }

  /** Something changed: tell everybody soon. */
  changed(): void {
    this.#number += 1
    if (!this.#started || this.#pending) return
    const rest = Math.max(COALESCE_MS, this.#restUntil - this.#options.now())
    this.#pending = setTimeout(() => {
      this.#pending = null
      this.#flush()
    }, rest)
  }

  subscribe(of: FeedReader, sink: FeedSink, { digest, report }: FeedVisit = {}): Subscription {
    const { now, clock = Date.now } = this.#options
    const facts = { now, since: clock(), report: report ?? null, digest: digest ?? null }
    const reader = new Reader(of, sink, facts)
    // A request that was on its way when the end began must not hold the end up.
    if (this.#closed) sink.end()
    else this.#add(reader)
    this.#tell(reader)
    return {
      drained: () => {
        reader.behindSince = null
        if (!this.#writer.drained(reader)) this.#tell(reader)
      },
      closed: () => this.#remove(reader),
    }
  }

  /** Ends every feed. Readers are told to come back one after the other. */
  close(): void {
    this.#closed = true
    clearInterval(this.#heartbeat)
    if (this.#pending) clearTimeout(this.#pending)
    this.#started = false
    const { random = Math.random } = this.#options
    const spread = returnSpreadMs(this.size)
    for (const reader of this.#readers) {
      const afterMs = Math.floor(random() * spread)
      const isWithin = this.#writer.isWithin(reader)
      this.#remove(reader)
      if (isWithin) {
        reader.cut()
        continue
      }
      // Also to one that has not taken its last line yet: it waits for no other.
      this.#say(reader, { type: 'bye', afterMs })
      reader.end()
    }
  }

  #add(reader: Reader): void {
    this.#readers.add(reader)
    const { of } = reader
    if (of.scope === 'all') return
    const near = this.#inNamespace.get(of.namespace) ?? new Set()
    this.#inNamespace.set(of.namespace, near.add(reader))
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader)
    this.#writer.drop(reader)
    if (reader.of.scope === 'all') return
    const near = this.#inNamespace.get(reader.of.namespace)
    near?.delete(reader)
    if (near?.size === 0) this.#inNamespace.delete(reader.of.namespace)
  }

  #flush(): void {
    const { source, now } = this.#options
    const begun = now()
    const views = source.views()
    for (const [key, group] of this.#groups) group.update(viewOf(key, views), this.#number)
    this.#markStale(source.takeStale())
    for (const reader of this.#readers) this.#tell(reader)
    this.#forgetGroups(views)
    this.#restUntil = begun + FLUSH_SHARE * (now() - begun)
  }

  #markStale({ namespaces, pods }: StalePods): void {
    for (const namespace of namespaces) {
      for (const reader of this.#inNamespace.get(namespace) ?? []) reader.podIsStale = true
    }
    for (const key of pods) {
      const [namespace = '', pod] = key.split('/')
      for (const reader of this.#inNamespace.get(namespace) ?? []) {
        if (reader.of.scope === 'tree' && reader.of.pod === pod) reader.podIsStale = true
      }
    }
  }

  /** Trees that are gone, once nobody reads what they were. */
  #forgetGroups(views: Views): void {
    const gone = [...this.#groups].filter(([key]) => viewOf(key, views).spaces.size === 0)
    if (gone.length === 0) return
    const read = new Set([...this.#readers].map(({ group }) => group))
    for (const [key, group] of gone) if (!read.has(group)) this.#groups.delete(key)
  }

  #groupOf({ of }: Reader): Group {
    const views = this.#options.source.views()
    const key = of.scope === 'all' ? EVERY_TREE : (views.rootOf(of.namespace) ?? NO_TREE)
    const known = this.#groups.get(key)
    if (known) return known
    const group = new Group(this.#options.epoch, viewOf(key, views), this.#number)
    this.#groups.set(key, group)
    return group
  }

  /** Says what there is to say to a reader, if it can be said now. */
  #tell(reader: Reader): void {
    if (!this.#started || !this.#readers.has(reader)) return
    if (reader.isServed || reader.behindSince !== null) return
    const group = this.#groupOf(reader)
    const step = nextStep(reader, group)
    if (step === null) return
    if (isLong(step)) this.#serve(reader)
    else for (const slice of this.#slicesOf(step, reader, group)) reader.write(slice)
  }

  /** Says it when its turn comes, and then what is to be said by then. */
  #serve(reader: Reader): void {
    reader.isServed = true
    this.#writer.add({
      sink: reader,
      lines: () => {
        const group = this.#groupOf(reader)
        const step = nextStep(reader, group)
        return step ? this.#slicesOf(step, reader, group) : []
      },
      done: () => {
        reader.isServed = false
        this.#servedAt = this.#options.now()
        this.#tell(reader)
      },
    })
  }

  #slicesOf(step: Step, reader: Reader, group: Group): Buffer[] {
    const { source, onMessage } = this.#options
    const { of } = reader
    const podState = () => (of.scope === 'all' ? NO_POD : source.podState(of.namespace, of.pod))
    const line = lineOf(step, { reader, group, podState })
    if (line === null) return []
    onMessage(line.type)
    return line.slices
  }

  #beat(): void {
    const now = this.#options.now()
    if (this.#writer.size === 0 && now - this.#servedAt > SNAPSHOT_REST_MS) {
      for (const group of this.#groups.values()) group.dropSnapshot()
    }
    for (const reader of this.#readers) {
      const { behindSince, sentAt, group } = reader
      if (behindSince !== null && now - behindSince > STALLED_MS) {
        this.#remove(reader)
        reader.cut()
      }
      if (!this.#canSay(reader) || now - sentAt < FEED_HEARTBEAT_MS * 0.75) continue
      const { epoch } = this.#options
      const version = { epoch, number: group === null ? 0 : reader.number }
      this.#say(reader, { type: 'heartbeat', version, readers: this.size })
    }
  }

  /** Whether a short line can be said: not in the middle of a long one, nor to who is behind. */
  #canSay(reader: Reader): boolean {
    return reader.behindSince === null && !this.#writer.isWithin(reader)
  }

  #say(reader: Reader, message: FeedMessage): void {
    this.#options.onMessage(message.type)
    reader.write(Buffer.from(`${JSON.stringify(message)}\n`))
  }
}

function viewOf(key: string, views: Views): View {
  if (key === NO_TREE) return EMPTY_VIEW
  return key === EVERY_TREE ? views.all : views.ofRoot(key)
}
