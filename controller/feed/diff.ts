/** What changed between two states of one reader's view of the cluster. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { FeedMessage, FeedService } from '../../core/routing-feed.ts'
import type { Space } from '../../core/spaces.ts'

/** The spaces and services that a reader is told of; services by `space/name`. */
export interface View {
  readonly spaces: ReadonlyMap<string, Space>
  readonly services: ReadonlyMap<string, FeedService>
}

export const EMPTY_VIEW: View = { spaces: new Map(), services: new Map() }

type Delta = Extract<FeedMessage, { type: 'delta' }>
export type ViewChange = Pick<Delta, 'spaces' | 'services'>

/**
 * The puts and removes that turn `old` into `now`; null if they say the same.
 * It holds for any two views, so a namespace that moves to another tree needs no special care.
 */
export function diffViews(old: View, now: View): ViewChange | null {
  if (old === now) return null
  const spaces = diffMaps(old.spaces, now.spaces)
  const services = diffMaps(old.services, now.services)
  const parts = [spaces.put, spaces.remove, services.put, services.remove]
  return parts.some((part) => part.length > 0) ? { spaces, services } : null
}

function diffMaps<T>(old: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>) {
  const put: T[] = []
  for (const [key, value] of now) {
    const before = old.get(key)
    if (before !== value && !isDeepStrictEqual(before, value)) put.push(value)
  }
  return { put, remove: [...old.keys()].filter((key) => !now.has(key)) }
}
