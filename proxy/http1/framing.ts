/** How long a message is and whether its connection outlives it (RFC 9112 6.3 and 9.3). */
import { COLON, HOST } from './characters.ts'
import { type FieldFacts, factsOf } from './framing-fields.ts'
import type { Head, ParsedRequestHead, ParsedResponseHead } from './head.ts'

/** Body lengths that are no number of bytes. */
export const CHUNKED = -1
export const UNTIL_CLOSE = -2

/** Shared by all requests that say the same. */
export interface RequestFraming {
  readonly kind: 'framed'
  /** Bytes, or `CHUNKED`. */
  readonly length: number
  /** The client means to go on using the connection. */
  readonly keepAlive: boolean
  /** HTTP/1.1 and `Connection: close`, once and without another option. */
  readonly saysOnlyClose: boolean
  /** May be sent again: its repetition is harmless, and it has no body to be kept for that. */
  readonly isRepeatable: boolean
  /** The client offers to leave HTTP (`Connection: upgrade` and `Upgrade`). */
  readonly upgrade: boolean
  /** And h2c is among what it offers. */
  readonly offersH2c: boolean
  /** The request binds its connection to a user (NTLM, Negotiate): nobody else may get it. */
  readonly bindsConnection: boolean
}

/** Shared by all answers that say the same. */
export interface ResponseFraming {
  readonly kind: 'framed'
  /** Bytes, or `CHUNKED`, or `UNTIL_CLOSE`. */
  readonly length: number
  readonly keepAlive: boolean
  /** `Connection: keep-alive` stands there, without which a 1.0 client waits for the end. */
  readonly saysKeepAlive: boolean
}

export interface BadFraming {
  kind: 'bad'
  /** What is wrong, and the rule. */
  problem: string
}

const PROBLEM = {
  notChunked: 'a Transfer-Encoding that does not end in chunked (RFC 9112 6.3)',
  oldCoding: 'Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1)',
  noHost: 'no Host field in HTTP/1.1 (RFC 9112 3.2)',
  twoHosts: 'two Host fields (RFC 9112 3.2)',
  host: 'a Host field that names no host (RFC 9112 3.2)',
  otherHost: 'a Host field that names another host than the target (RFC 9112 3.2.2)',
  target: 'a request target of none of the four forms (RFC 9112 3.2)',
  asterisk: 'the target * with another method than OPTIONS (RFC 9112 3.2.4)',
  authority: 'a CONNECT target that is not host:port (RFC 9112 3.2.3)',
  connectBody: 'a CONNECT request with a body (RFC 9110 9.3.6)',
  dropsLength: 'Content-Length as a connection option, which drops it on the way (RFC 9110 7.6.1)',
  interimBody: 'an interim answer that announces a body (RFC 9110 15.2)',
  oldInterim: 'an interim answer in HTTP/1.0, which has none (RFC 9110 15.2)',
} as const

/**
 * | Transfer-Encoding        | Content-Length     | version | body of a request  |
 * |--------------------------|--------------------|---------|--------------------|
 * | none                     | none               | any     | none               |
 * | none                     | one number         | any     | that many bytes    |
 * | none                     | several, no number | any     | refused            |
 * | ends in chunked          | none               | 1.1     | chunked            |
 * | any                      | any                | any     | refused            |
 * | does not end in chunked  | none               | any     | refused            |
 * | any                      | none               | 1.0     | refused            |
 */
export function requestFraming(head: ParsedRequestHead): RequestFraming | BadFraming {
  const { method, version, fieldSet } = head
  const known = fieldSet.request
  if (known !== null && known.method === method && known.version === version) {
    // Only the target is another one.
    const problem = targetProblem(head, factsOf(head))
    return problem === null ? known.framing : { kind: 'bad', problem }
  }
  const framing = readRequestFraming(head)
  if (framing.kind === 'framed') fieldSet.request = { method, version, status: 0, framing }
  return framing
}

function readRequestFraming(head: ParsedRequestHead): RequestFraming | BadFraming {
  const facts = factsOf(head)
  const problem =
    facts.problem ??
    oldCodingProblem(head, facts) ??
    hostProblem(head, facts) ??
    targetProblem(head, facts)
  if (problem !== null) return { kind: 'bad', problem }
  if (facts.dropsLength) return { kind: 'bad', problem: PROBLEM.dropsLength }
  if (facts.chunked === false) return { kind: 'bad', problem: PROBLEM.notChunked }
  const length = facts.chunked === true ? CHUNKED : (facts.length ?? 0)
  if (head.method === 'CONNECT' && length !== 0) {
    return { kind: 'bad', problem: PROBLEM.connectBody }
  }
  return {
    kind: 'framed',
    length,
    keepAlive: head.version === '1.1' ? !facts.close : facts.keepAlive && !facts.close,
    saysOnlyClose: facts.onlyClose && head.version === '1.1',
    isRepeatable: length === 0 && IDEMPOTENT.has(head.method),
    upgrade: facts.connectionUpgrade && facts.upgrade && head.version === '1.1',
    offersH2c: facts.h2c,
    bindsConnection: facts.bindsConnection,
  }
}

/** Methods whose repetition is harmless (RFC 9110 9.2.2). */
export const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * | status, method           | Transfer-Encoding | Content-Length | body of a response  |
 * |--------------------------|-------------------|----------------|---------------------|
 * | 1xx, 204, 304, to HEAD   | any               | any            | none                |
 * | any                      | ends in chunked   | none           | chunked             |
 * | any                      | anything else     | none           | until close         |
 * | any                      | any               | any            | refused             |
 * | any                      | none              | one number     | that many bytes     |
 * | any                      | none              | several, bad   | refused             |
 * | any                      | none              | none           | until close         |
 *
 * A 2xx answer to CONNECT begins a tunnel; the caller sees to that first.
 */
export function responseFraming(
  head: ParsedResponseHead,
  method: string,
): ResponseFraming | BadFraming {
  const { status, version, fieldSet } = head
  const known = fieldSet.response
  const same = known !== null && known.status === status && known.version === version
  if (same && known.method === method) return known.framing
  const framing = readResponseFraming(head, method)
  if (framing.kind === 'framed') fieldSet.response = { method, version, status, framing }
  return framing
}

function readResponseFraming(
  head: ParsedResponseHead,
  method: string,
): ResponseFraming | BadFraming {
  const facts = factsOf(head)
  const problem = facts.problem ?? oldCodingProblem(head, facts)
  if (problem !== null) return { kind: 'bad', problem }
  const { status } = head
  const bodiless = status < 200 || status === 204 || status === 304 || method === 'HEAD'
  const length = bodiless ? 0 : responseLength(facts)
  const kept = head.version === '1.1' ? !facts.close : facts.keepAlive && !facts.close
  return {
    kind: 'framed',
    length,
    keepAlive: kept && length !== UNTIL_CLOSE,
    saysKeepAlive: facts.keepAlive,
  }
}

/**
 * What is wrong with a 1xx answer; null if nothing is. It ends with its head, whatever that says. One of HTTP/1.0 is
 * the last answer to some readers, Node's among them, and to others the first of two.
 */
export function interimProblem(head: ParsedResponseHead): string | null {
  const facts = factsOf(head)
  const { chunked, length } = facts
  return (
    facts.problem ??
    oldCodingProblem(head, facts) ??
    (head.version === '1.0' ? PROBLEM.oldInterim : null) ??
    (chunked !== null || (length ?? 0) > 0 ? PROBLEM.interimBody : null)
  )
}

function responseLength({ chunked, length }: FieldFacts): number {
  if (chunked === true) return CHUNKED
  if (chunked === false) return UNTIL_CLOSE
  return length ?? UNTIL_CLOSE
}

function oldCodingProblem({ version }: Head, { chunked }: FieldFacts): string | null {
  return chunked !== null && version === '1.0' ? PROBLEM.oldCoding : null
}

function hostProblem(head: Head, { hosts, host }: FieldFacts): string | null {
  if (hosts > 1) return PROBLEM.twoHosts
  if (hosts === 0) return head.version === '1.1' ? PROBLEM.noHost : null
  return isHost(head, host) ? null : PROBLEM.host
}

/**
 * Host names in full, and whatever else needs a second look by an expression: a port, brackets. A comma
 * is legal in a name, but only ever comes from two Host fields that somebody has joined.
 */
function isHost(head: Head, field: number): boolean {
  const to = head.base + (head.fields[field + 3] as number)
  for (let at = head.base + (head.fields[field + 2] as number); at < to; at++) {
    if (HOST[head.buffer[at] as number] === 1) continue
    return isPort(head.buffer, at, to) || HOST_AND_PORT.test(head.value(field))
  }
  return true
}

function isPort(buffer: Buffer, from: number, to: number): boolean {
  if (buffer[from] !== COLON) return false
  for (let at = from + 1; at < to; at++) {
    if (!isDigit(buffer[at] as number)) return false
  }
  return true
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** With or without a zone (RFC 6874). */
const IPV6 = '\\[[0-9a-f.]*:[0-9a-f:.]*(?:%[\\w.~-]+)?\\]'
const NAME = "[\\w\\-.~%!$&'()*+;=]"
const HOST_AND_PORT = new RegExp(`^(?:${IPV6}|${NAME}*)(?::\\d*)?$`, 'i')

/** Scheme, then an authority without user information (RFC 9110 4.2.4 asks to refuse it). */
const ABSOLUTE_FORM = new RegExp(`^([a-z]+)://((?:${IPV6}|${NAME}+)(?::\\d*)?)(?:[/?].*)?$`, 'i')
const AUTHORITY_FORM = new RegExp(`^(?:${IPV6}|${NAME}+):\\d{1,5}$`, 'i')

function targetProblem(head: ParsedRequestHead, { host }: FieldFacts): string | null {
  const { method } = head
  const connect = method === 'CONNECT'
  if (!connect && head.isOriginForm) return null
  const { target } = head
  if (connect) return AUTHORITY_FORM.test(target) ? null : PROBLEM.authority
  if (target === '*') return method === 'OPTIONS' ? null : PROBLEM.asterisk
  const absolute = ABSOLUTE_FORM.exec(target)
  if (absolute === null) return PROBLEM.target
  const [, scheme = '', authority = ''] = absolute
  // The target decides (RFC 9112 3.2.2), and so it does for our routing; but many apps go by Host.
  if (host < 0 || sameHost(scheme, authority, head.value(host))) return null
  return PROBLEM.otherHost
}

const DEFAULT_PORT: Readonly<Record<string, string>> = { http: '80', https: '443' }

function sameHost(scheme: string, a: string, b: string): boolean {
  const port = DEFAULT_PORT[scheme.toLowerCase()] ?? ''
  const full = (host: string) => {
    const text = host.toLowerCase().replace(/:$/, '')
    return /:\d+$/.test(text) ? text : `${text}:${port}`
  }
  return full(a) === full(b)
}
