/**
 * Keeps a bundle of certificates where the API server looks for it: in `caBundle` of a webhook configuration
 * or an APIService. An upgrade, a GitOps tool or an edit may take it out; the watch puts it back.
 */
import type { Cached } from '../kube/cache.ts'
import type { KubeClient } from '../kube/client.ts'
import type { KubeObject } from '../kube/types.ts'
import type { Log } from '../log.ts'
import { bundleOf, certificatesIn } from './certificate.ts'

/** One field that holds a bundle. */
export interface BundlePlace {
  /** JSON pointer of the field. */
  pointer: string
  /** What it holds now: base64 of PEM texts. */
  live: string | undefined
  /** Holds the patch back if the object has changed since it was read. */
  guard?: { pointer: string; value: string }
}

export interface PublishParts<T extends KubeObject> {
  client: KubeClient
  /** Copies that hold the object. */
  copies: Cached<T>
  /** Name of the object. */
  name: string
  /** Path of the object. */
  path: string
  placesIn: (object: T) => BundlePlace[]
  /** The bundle (PEM) that must be there. */
  bundle: () => string
  /** Who owns the field from now on. */
  manager: string
  /** A certificate that is not in the bundle is left for this time (ms): see `plannedBundle`. */
  settleMs: number
  /** A clock that never goes back, in ms. */
  steady: () => number
  log: Log
  /** Called whenever the live object has been looked at, and is as it must be. */
  onPublished?: () => void
  /** Called when a bundle that had been there was put back. */
  onRepaired?: () => void
}

export interface Publication {
  /** Whether the live object holds all certificates of this bundle (PEM). */
  isPublished(bundle: string): boolean
  /** Looks again: the bundle that must be there has changed. */
  look(): void
  stop(): void
}

/** A patch that failed is tried again after this time (ms), if no change comes first. */
const RETRY_MS = 2000

/**
 * What a field should hold (base64): as it is where nothing is missing and nothing is to go.
 * @param foreignSince since when each certificate that is not ours was seen; kept up to date here */
export function plannedBundle(
  live: string | undefined,
  wanted: string,
  foreignSince: Map<string, number>,
  { now, settleMs }: { now: number; settleMs: number },
): string {
  const own = certificatesIn(wanted)
  const text = decode(live)
  const found = certificatesIn(text)
  const foreign = found.filter((certificate) => !own.includes(certificate))
  // Another replica may know of a newer state than this one: taking out at once what it has put in
  // would make the two fight. What nobody wants is gone when the settle time is over.
  const kept = foreign.filter((certificate) => {
    const since = foreignSince.get(certificate) ?? now
    foreignSince.set(certificate, since)
    return now - since < settleMs
  })
  // Junk between certificates makes an API server refuse the whole bundle.
  const isSound = bundleOf(found).trim() === text.trim()
  const isComplete = own.every((certificate) => found.includes(certificate))
  if (isSound && isComplete && kept.length === foreign.length) return live ?? ''
  return Buffer.from(bundleOf([...own, ...kept])).toString('base64')
}

export function keepPublished<T extends KubeObject>(parts: PublishParts<T>): Publication {
  const { client, copies, name, path, placesIn, bundle, settleMs, steady, log } = parts
  const foreignSince = new Map<string, number>()
  /** The bundle that was there when last looked. */
  let seen: string | null = null
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const again = (ms: number) => {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(look, ms).unref()
  }

  function look(): void {
    const object = copies.get(name)
    if (stopped || !object) return
    const wanted = bundle()
    const places = placesIn(object)
    forgetAbsent(foreignSince, places)
    const patch = places.flatMap(({ pointer, live, guard }) => {
      const value = plannedBundle(live, wanted, foreignSince, { now: steady(), settleMs })
      if (value === live) return []
      const test = guard ? [{ op: 'test', path: guard.pointer, value: guard.value }] : []
      return [...test, { op: 'add', path: pointer, value }]
    })
    const isThere = isIn(places, wanted)
    const isRepair = !isThere && seen === wanted
    if (isThere) {
      seen = wanted
      parts.onPublished?.()
    }
    if (patch.length > 0) void write(patch, isRepair)
    else if (foreignSince.size > 0) again(settleMs)
  }

  async function write(patch: unknown[], isRepair: boolean): Promise<void> {
    // The change comes back through the watch and ends the retries; until then it is not in force.
    again(RETRY_MS)
    try {
      const query = `?fieldManager=${encodeURIComponent(parts.manager)}`
      await client.patch(`${path}${query}`, 'application/json-patch+json', patch)
      log.info({ object: name }, 'authority registered')
      if (!isRepair) return
      // Told once for each time: what is there is not seen before the watch brings it.
      seen = null
      parts.onRepaired?.()
    } catch (error) {
      log.warn({ object: name, error: (error as Error).message }, 'authority not registered')
    }
  }

  copies.onChange(({ key }) => {
    if (key === name) look()
  })
  look()
  return {
    isPublished(wanted) {
      const object = copies.get(name)
      return object !== undefined && isIn(placesIn(object), wanted)
    },
    look,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function isIn(places: readonly BundlePlace[], wanted: string): boolean {
  const own = certificatesIn(wanted)
  return (
    places.length > 0 &&
    places.every(({ live }) => {
      const found = certificatesIn(decode(live))
      return own.every((certificate) => found.includes(certificate))
    })
  )
}

/** A certificate that went and comes back later begins its time anew. */
function forgetAbsent(foreignSince: Map<string, number>, places: readonly BundlePlace[]): void {
  const found = new Set(places.flatMap(({ live }) => certificatesIn(decode(live))))
  for (const certificate of foreignSince.keys())
    if (!found.has(certificate)) foreignSince.delete(certificate)
}

const decode = (live: string | undefined): string =>
  Buffer.from(live ?? '', 'base64').toString('utf8')
