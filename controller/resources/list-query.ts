/** Reads the query of a list or watch, Kubernetes' own parameters and ours. Pure. */
import type { TraceQuery } from '../../core/controller-api.ts'
import { LIST_LIMIT } from '../../core/trace-resource.ts'
import { STATUS_PATTERN } from '../traces/filter.ts'
import type { Cursor } from '../traces/store.ts'
import { StatusError, statusOf } from './status.ts'

export type Parameters = Readonly<Record<string, string | undefined>>

/**
 * Each parameter once: of two, whoever grants a right and whoever answers could each take another.
 * @throws StatusError 400
 */
export function parametersOf(query: Iterable<[string, string]>): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const [name, value] of query) {
    if (Object.hasOwn(parameters, name)) {
      throw new StatusError(statusOf('BadRequest', `parameter ${name} comes twice`))
    }
    Object.defineProperty(parameters, name, { value, enumerable: true })
  }
  return parameters
}

/** What Kubernetes lets every list be asked. */
export interface ListQuery {
  watch: boolean
  limit: number
  /** Where the page begins; null: at the start. */
  continue: string | null
  /** Object's name that the field selector asks for; null: any. */
  name: string | null
  namespace: string | null
  /** Version after which a watch begins; null: now. */
  since: number | null
  /** Whether a watch is to have lines that only carry a version. */
  bookmarks: boolean
  /** A watch ends after this time (s); null: with its reader. */
  timeoutSeconds: number | null
}

/** @throws StatusError 400 naming the parameter that is wrong */
export function listQueryOf(parameters: Parameters): ListQuery {
  const { labelSelector } = parameters
  if (labelSelector)
    throw wrong('labelSelector', labelSelector, 'nothing: these objects have no labels')
  return {
    watch: ['true', '1'].includes(parameters['watch'] ?? ''),
    // 0 is what clients send that want no limit: they get pages all the same, and `continue`.
    limit: Math.min(wholeNumber(parameters, 'limit') || LIST_LIMIT.usual, LIST_LIMIT.most),
    continue: parameters['continue'] || null,
    ...selectedFields(parameters['fieldSelector'] ?? ''),
    since: wholeNumber(parameters, 'resourceVersion') || null,
    bookmarks: ['true', '1'].includes(parameters['allowWatchBookmarks'] ?? ''),
    timeoutSeconds: wholeNumber(parameters, 'timeoutSeconds') || null,
  }
}

/** Longest number that is still exact: resource versions have 16 digits. */
const NUMBER = /^\d{1,16}$/

function wholeNumber(parameters: Parameters, name: string): number | null {
  const value = parameters[name]
  if (!value) return null
  if (NUMBER.test(value)) return Number(value)
  throw wrong(name, value, 'a whole number')
}

const FIELDS = { 'metadata.name': 'name', 'metadata.namespace': 'namespace' } as const

function selectedFields(selector: string): Pick<ListQuery, 'name' | 'namespace'> {
  const selected: Pick<ListQuery, 'name' | 'namespace'> = { name: null, namespace: null }
  for (const term of selector.split(',')) {
    if (term === '') continue
    const [, field = '', value = ''] = /^([\w.]+)==?([^!=]*)$/.exec(term) ?? []
    if (!(field in FIELDS)) {
      throw wrong('fieldSelector', selector, 'metadata.name=… or metadata.namespace=…')
    }
    const key = FIELDS[field as keyof typeof FIELDS]
    if (selected[key] !== null) throw wrong('fieldSelector', selector, `${field} only once`)
    selected[key] = value
  }
  return selected
}

/** What a list of traces may be asked besides. */
export interface TraceParameters {
  filter: TraceQuery
  /** Only traces that began at or after this time (ms since 1970). */
  since: number | undefined
  /** Records in place of, or beside, summaries. */
  records: boolean
}

/** Longest value of each filter, in characters: Kubernetes names, and as much text as one looks for. */
const FILTERS = { space: 63, service: 253, pod: 253, method: 64, status: 16, q: 1000 } as const

/** @throws StatusError 400 naming the parameter that is wrong */
export function traceParametersOf(parameters: Parameters): TraceParameters {
  const filter: TraceQuery = {}
  for (const [name, most] of Object.entries(FILTERS)) {
    const value = parameters[name]
    if (!value) continue
    if (value.length > most) throw wrong(name, value.slice(0, most), `${most} characters at most`)
    filter[name as keyof typeof FILTERS] = value
  }
  if (filter.status && !new RegExp(STATUS_PATTERN).test(filter.status)) {
    throw wrong('status', filter.status, 'a status such as 404, a class such as 5xx, or "error"')
  }
  const since = parameters['since']
  if (since && !/^\d{1,15}(\.\d{1,20})?$/.test(since)) {
    throw wrong('since', since, 'milliseconds since 1970')
  }
  const { records = '' } = parameters
  if (!['', 'true', 'false'].includes(records)) throw wrong('records', records, '"true"')
  return { filter, since: since ? Number(since) : undefined, records: records === 'true' }
}

/** A page's end as the text that asks for the next one. */
export function continueTokenOf({ startedAt, traceId }: Cursor): string {
  return Buffer.from(`${startedAt},${traceId ?? ''}`).toString('base64url')
}

/** @throws StatusError 400 where the text is none of `continueTokenOf` */
export function cursorOf(token: string): Cursor {
  const text = Buffer.from(token, 'base64url').toString('latin1')
  const [, startedAt, traceId] = /^(\d{1,15}(?:\.\d{1,20})?),([0-9a-f]{32})$/.exec(text) ?? []
  if (!startedAt || !traceId) throw wrong('continue', token, 'what the page before said')
  return { startedAt: Number(startedAt), traceId }
}

function wrong(parameter: string, value: string, expected: string): StatusError {
  return new StatusError(
    statusOf('BadRequest', `parameter ${parameter}="${value}": expected ${expected}`),
  )
}
