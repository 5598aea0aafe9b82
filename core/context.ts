/** The context of a request: the space that it belongs to, and which of six sources said so. */
import { ROUTE_AS_MEMBER } from './names.ts'
import { baggageMember, cookieValue } from './trace-context.ts'

/** Sources in the order in which they are asked; the first that names a space wins. */
export const CONTEXT_SOURCES = ['header', 'baggage', 'cookie', 'host', 'trace', 'origin'] as const
export type ContextSource = (typeof CONTEXT_SOURCES)[number] | 'none'

export interface Context {
  /** Name of the space; null if no source names one. */
  space: string | null
  source: ContextSource
}

/** What the decision needs of a request; absent headers are null. */
export interface ContextInput {
  /** Value of `azds-route-as`. */
  routeAs: string | null
  baggage: string | null
  cookie: string | null
  /** Host header or authority, with or without a port. */
  host: string | null
  /** Space that an inbound request with the same W3C trace id carried, if one was seen. */
  traceSpace: string | null
  /** This pod's space if it is a child space. */
  originSpace: string | null
}

/** A namespace name (RFC 1123 label): at most 63 characters. */
const SPACE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export function isSpaceName(name: string): boolean {
  return SPACE_NAME.test(name)
}

/**
 * | source  | where it looks                                   | who sets it                        |
 * |---------|--------------------------------------------------|------------------------------------|
 * | header  | `azds-route-as: alice`                           | sidecars, clients, tests           |
 * | baggage | `baggage: azds-route-as=alice`                   | tracing libraries                  |
 * | cookie  | `Cookie: azds-route-as=alice`                    | a browser on a fixed host          |
 * | host    | `alice.s.dev.web.example.test`                   | a browser on a preview URL         |
 * | trace   | same trace id as a tagged inbound request        | an app that forwards `traceparent` |
 * | origin  | the pod itself is in a child space               | where the pod was deployed         |
 *
 * A value that is no space name counts as absent.
 */
export function contextOf(input: ContextInput): Context {
  const { routeAs, baggage, cookie, host, traceSpace, originSpace } = input
  // One after the other: most requests have none of the first five, and this is on the path of all.
  return (
    named('header', routeAs) ??
    named('baggage', baggage && baggageMember(baggage, ROUTE_AS_MEMBER)) ??
    named('cookie', cookie && cookieValue(cookie, ROUTE_AS_MEMBER)) ??
    named('host', host && spaceOfHost(host)) ??
    named('trace', traceSpace) ??
    named('origin', originSpace) ?? { space: null, source: 'none' }
  )
}

function named(source: ContextSource, value: string | null): Context | null {
  if (value === null) return null
  const space = value.trim()
  return isSpaceName(space) ? { space, source } : null
}

/** `alice` of `alice.s.dev.web.example.test:8080`; null for a host of another shape. */
export function spaceOfHost(host: string): string | null {
  // Nearly no host has the label; reading the labels costs more than a whole decision.
  if (!host.includes('.s.') && !host.includes('.S.')) return null
  return parsePreviewHost(host)?.space ?? null
}

export interface PreviewHost {
  /** Null in `dev.web.<suffix>`, the root space's own address. */
  space: string | null
  root: string
  service: string
}

/**
 * Reads a preview host, `<space>.s.<root>.<service>.<suffix>`; upper case and a port are allowed.
 * Null if the `s` label is not where it must be or a part is missing.
 */
export function parsePreviewHost(host: string): PreviewHost | null {
  const [space, marker, root, service] = labelsOf(host)
  if (marker !== 's' || !space || !root || !service) return null
  return [space, root, service].every(isSpaceName) ? { space, root, service } : null
}

/** Reads either shape of address that a gateway serves, with or without `<space>.s.`. */
export function parseGatewayHost(host: string): PreviewHost | null {
  const preview = parsePreviewHost(host)
  if (preview) return preview
  const [root, service] = labelsOf(host)
  if (!root || !service || !isSpaceName(root) || !isSpaceName(service)) return null
  return { space: null, root, service }
}

function labelsOf(host: string): string[] {
  return host.replace(/:\d+$/, '').toLowerCase().split('.')
}
