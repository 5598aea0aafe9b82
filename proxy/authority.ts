/** What a request head says about where it goes: authority and path of each form of target. */
import type { RequestHead } from './exchange.ts'
import type { SaidByFields } from './request-facts.ts'

/** RFC 9112 section 3.2.2: an absolute-form target overrides the Host header. */
const ABSOLUTE_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)(.*)$/

export interface RequestAddress {
  /** Host, with a port if one is written; null if the request names none. */
  authority: string | null
  /** Path and query; null for CONNECT, which has none. */
  path: string | null
}

/** The authority alone, of a head whose fields have been read. */
export function authorityOf(
  head: RequestHead,
  { host }: Pick<SaidByFields, 'host'>,
): string | null {
  // Origin form, as of nearly all requests.
  if (head.target.startsWith('/') && head.method !== 'CONNECT') return host
  return requestAddress(head).authority
}

export function requestAddress(
  head: Pick<RequestHead, 'method' | 'target' | 'header'>,
): RequestAddress {
  if (head.method === 'CONNECT') return { authority: head.target, path: null }
  if (head.target.startsWith('/')) return { authority: head.header('host'), path: head.target }
  const absolute = ABSOLUTE_FORM.exec(head.target)
  if (!absolute) return { authority: head.header('host'), path: head.target }
  const [, authority = '', rest = ''] = absolute
  return {
    authority: authority.replace(/^[^@]*@/, ''),
    path: rest.startsWith('/') ? rest : `/${rest}`,
  }
}
