/** A local copy of one collection of the API server, kept true by list and watch. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { type KubeClient, KubeError } from './client.ts'
import type { KubeObject } from './types.ts'

export interface Cached<T extends KubeObject> {
  /** By name, or by `namespace/name` for namespaced kinds. */
  get(key: string): T | undefined
  values(): IterableIterator<T>
  readonly size: number
  /** Resolves once the first list is in. */
  readonly synced: Promise<void>
  /** Calls back after each change; the old or new object is null where it appeared or went. */
  onChange(listener: (change: { key: string; old: T | null; now: T | null }) => void): void
  stop(): void
}

export function objectKey({ metadata }: KubeObject): string {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : (metadata.name ?? '')
}

interface ListAnswer<T> {
  metadata: { resourceVersion: string; continue?: string }
  items: T[]
}
interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: T & { code?: number; message?: string }
}

/** Pause before the next try, in ms: doubles from the first to the last value. */
const RETRY_MS = { first: 200, last: 10_000 }
/** How long one watch lasts. */
export interface WatchTimes {
  /** The server ends a watch after this time (s), and a fresh one starts where it ended. */
  serverSeconds: number
  /** A watch that is still open this long (ms) after its end was due hangs on a dead link. */
  graceMs: number
}
const WATCH_TIMES: WatchTimes = { serverSeconds: 300, graceMs: 30_000 }
export interface CacheOptions<T> {
  times?: WatchTimes
  /** What is kept of an object: name, namespace and resourceVersion at the least. Default: all. */
  keep?: (object: T) => T
}
/** A watch shorter than this (ms) has failed even if it ended in order: no busy loop of watches. */
const SHORT_WATCH_MS = 1000
/**
 * Objects a page. A node lists its images in its status, 10 KB and more of text each, and a page is in memory as
 * bytes, as text and as objects at the same time: larger pages are memory that is never given back.
 */
const PAGE = 100

/**
 * Starts to follow a collection.
 * @param path of the collection, e.g. `/api/v1/namespaces`; may carry a query such as a selector
 */
export function watchCache<T extends KubeObject>(
  client: KubeClient,
  path: string,
  log: Log,
  { times = WATCH_TIMES, keep = (object) => object }: CacheOptions<T> = {},
): Cached<T> {
  const objects = new Map<string, T>()
  const listeners: Parameters<Cached<T>['onChange']>[0][] = []
  const stopped = new AbortController()
  let markSynced = () => {}
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve
  })

  const set = (key: string, now: T | null) => {
    if (stopped.signal.aborted) return
    const old = objects.get(key) ?? null
    if (now) objects.set(key, now)
    else objects.delete(key)
    if (old || now) for (const listener of listeners) listener({ key, old, now })
  }

  async function list(): Promise<string> {
    const seen = new Set<string>()
    let next = ''
    let version: string
    do {
      const page = await client.get<ListAnswer<T>>(
        withQuery(path, `limit=${PAGE}${next}`),
        stopped.signal,
      )
      for (const object of page.items) {
        const key = objectKey(object)
        seen.add(key)
        const known = objects.get(key)?.metadata.resourceVersion
        if (known === undefined || known !== object.metadata.resourceVersion) set(key, keep(object))
      }
      version = page.metadata.resourceVersion
      next = page.metadata.continue ? `&continue=${encodeURIComponent(page.metadata.continue)}` : ''
    } while (next)
    for (const key of [...objects.keys()]) if (!seen.has(key)) set(key, null)
    return version
  }

  /** Follows changes until the stream ends; returns the version to go on from. */
  async function watch(from: string): Promise<string> {
    let version = from
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${times.serverSeconds}&resourceVersion=${from}`
    const onLine = (line: string) => {
      const { type, object } = JSON.parse(line) as WatchEvent<T>
      // Thrown, for a server or a proxy may leave the stream open behind it.
      if (type === 'ERROR')
        throw new KubeError(object.code ?? 500, '', object.message ?? 'watch failed')
      version = object.metadata.resourceVersion ?? version
      if (type !== 'BOOKMARK') set(objectKey(object), type === 'DELETED' ? null : keep(object))
    }
    const dead = AbortSignal.timeout(times.serverSeconds * 1000 + times.graceMs)
    await client.lines(withQuery(path, query), onLine, AbortSignal.any([stopped.signal, dead]))
    return version
  }

  async function follow(): Promise<void> {
    let pause = RETRY_MS.first
    const rest = async () => {
      // Half fixed, half random, so that many clients do not come back at the same moment.
      await sleep(pause / 2 + Math.random() * (pause / 2), undefined, {
        signal: stopped.signal,
      }).catch(() => {})
      pause = Math.min(pause * 2, RETRY_MS.last)
    }
    let version: string | null = null
    while (!stopped.signal.aborted) {
      try {
        version ??= await list()
        markSynced()
        const startedAt = performance.now()
        version = await watch(version)
        if (performance.now() - startedAt < SHORT_WATCH_MS) await rest()
        else pause = RETRY_MS.first
      } catch (error) {
        if (stopped.signal.aborted) return
        // 410 Gone: the version is too old to go on from. Listing again is right after any failure.
        version = null
        log.warn({ path, error: (error as Error).message, retryMs: pause }, 'watch interrupted')
        await rest()
      }
    }
  }

  void follow()
  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    get size() {
      return objects.size
    },
    synced,
    onChange: (listener) => listeners.push(listener),
    stop: () => stopped.abort(),
  }
}

function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}
