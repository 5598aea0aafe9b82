/** Reads what a sidecar tells of itself when it opens its feed. Pure. */
import type { SidecarReport } from '../../core/routing-feed.ts'

/** Longest report in characters; a search list of 32 domains and a sentence take 4,000. */
const LONGEST = 8192

/** Null if there is none, or none that can be read: a feed does not depend on it. */
export function readSidecarReport(header: string | string[] | undefined): SidecarReport | null {
  if (typeof header !== 'string' || header.length > LONGEST) return null
  let value: unknown
  try {
    value = JSON.parse(header)
  } catch {
    return null
  }
  if (!isObject(value) || typeof value['version'] !== 'string') return null
  const { version, search, parentLookup } = value
  return { version, search: textsOf(search), parentLookup: lookupOf(parentLookup) }
}

function textsOf(value: unknown): string[] | null {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : null
}

function lookupOf(value: unknown): SidecarReport['parentLookup'] {
  if (!isObject(value)) return null
  const { name, ok, message } = value
  if (typeof name !== 'string' || typeof ok !== 'boolean') return null
  return { name, ok, ...(typeof message === 'string' ? { message } : {}) }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
