/** What a header list must hold to be a request, a response or trailers (RFC 9113 8). Pure. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { RequestHead, ResponseHead } from '../exchange.ts'
import { TOKEN } from '../http1/characters.ts'
import type { HeaderField } from './field.ts'

/** A message that must not be processed: a stream error PROTOCOL_ERROR (RFC 9113 8.1.1). */
export interface Malformed {
  kind: 'malformed'
  /** What is wrong, and the rule. */
  problem: string
}

const PROBLEM = {
  late: 'a pseudo-header field behind an ordinary one (RFC 9113 8.3)',
  twice: 'a pseudo-header field that comes twice (RFC 9113 8.3)',
  unknown: 'an unknown pseudo-header field, or one of the other direction (RFC 9113 8.3)',
  inTrailers: 'a pseudo-header field in trailers (RFC 9113 8.1)',
  connection: 'a field that speaks of an HTTP/1 connection (RFC 9113 8.2.2)',
  te: 'a TE field with another value than trailers (RFC 9113 8.2.2)',
  twoLengths: 'two Content-Length fields (RFC 9110 8.6)',
  length: 'a Content-Length that is no plain number of bytes (RFC 9110 8.6)',
  noMethod: 'no :method, or one that is no token (RFC 9113 8.3.1)',
  noScheme: 'no :scheme, or one that is no scheme (RFC 9113 8.3.1)',
  noPath: 'no :path, or an empty one (RFC 9113 8.3.1)',
  path: 'a :path that does not begin with / (RFC 9113 8.3.1)',
  blankPath: 'a :path with whitespace in it (RFC 9113 8.3.1)',
  asterisk: 'the :path * with another method than OPTIONS (RFC 9113 8.3.1)',
  authority: 'an :authority that names no host (RFC 9113 8.3.1)',
  twoHosts: 'two Host fields that differ (RFC 9110 7.2)',
  otherHost: 'a Host field that differs from :authority (RFC 9113 8.3.1)',
  connect: 'CONNECT with :scheme or :path (RFC 9113 8.5)',
  noConnectAuthority: 'CONNECT without an :authority of host and port (RFC 9113 8.5)',
  status: 'no :status, or none of three digits from 100 up (RFC 9113 8.3.2)',
  switching: 'the status 101, which HTTP/2 does not have (RFC 9113 8.6)',
} as const

/** The pseudo-header fields of a list, and where the ordinary ones begin. */
interface Facts {
  method: string | null
  scheme: string | null
  authority: string | null
  path: string | null
  status: string | null
  host: string | null
  /** Host fields of which one differs from the first. */
  hasTwoHosts: boolean
  contentLength: number | null
  /** Pseudo-header fields so far; they are the first of the list. */
  pseudo: number
}

type Direction = 'request' | 'response' | 'trailers'

/** A well-formed head: its fields as they came, and what the rules have found in them. */
class FieldList {
  readonly version = '2'
  /** All fields, pseudo-header fields first, as they came. */
  readonly fields: readonly HeaderField[]
  /** Where the ordinary ones begin. */
  readonly ordinaryFrom: number
  /** Content-Length; null without it. */
  readonly contentLength: number | null

  constructor(fields: readonly HeaderField[], { pseudo, contentLength }: Facts) {
    this.fields = fields
    this.ordinaryFrom = pseudo
    this.contentLength = contentLength
  }

  /** Bytes of names and values. */
  get length(): number {
    let bytes = 0
    for (const { name, value } of this.fields) bytes += name.length + value.length
    return bytes
  }

  header(name: string): string | null {
    const { fields } = this
    for (let i = this.ordinaryFrom; i < fields.length; i++) {
      const field = fields[i] as HeaderField
      if (field.name === name) return field.value
    }
    return null
  }

  values(name: string): string[] {
    const values: string[] = []
    for (const field of this.fields) if (field.name === name) values.push(field.value)
    return values
  }

  /** Ordinary fields in order; pseudo-header fields are no headers. */
  headers(): HeaderList {
    const list: HeaderList = []
    for (let i = this.ordinaryFrom; i < this.fields.length; i++) {
      const { name, value } = this.fields[i] as HeaderField
      list.push([name, value])
    }
    return list
  }
}

export class Http2RequestHead extends FieldList implements RequestHead {
  readonly kind = 'request'
  readonly method: string
  /** `:path`, or `:authority` of CONNECT, which is what stands in the place of a target in HTTP/1. */
  readonly target: string
  /** Null for CONNECT. */
  readonly scheme: string | null
  readonly authority: string | null

  constructor(fields: readonly HeaderField[], facts: Facts) {
    super(fields, facts)
    this.method = facts.method ?? ''
    this.target = facts.path ?? facts.authority ?? ''
    this.scheme = facts.scheme
    this.authority = facts.authority
  }

  /**
   * As of an HTTP/1 head: `host` is `:authority` where that is present, which overrides a Host field
   * beside it (RFC 9113 8.3.1). Both are sent on as they came.
   */
  override header(name: string): string | null {
    if (name === 'host' && this.authority !== null) return this.authority
    return super.header(name)
  }

  override values(name: string): string[] {
    if (name === 'host' && this.authority !== null) return [this.authority]
    return super.values(name)
  }
}

export class Http2ResponseHead extends FieldList implements ResponseHead {
  readonly kind = 'response'
  readonly status: number

  constructor(fields: readonly HeaderField[], facts: Facts) {
    super(fields, facts)
    this.status = Number(facts.status)
  }

  /** Another head follows on the same stream (RFC 9113 8.1). */
  get isInterim(): boolean {
    return this.status < 200
  }
}

/**
 * | method  | :scheme | :path                             | :authority           |
 * |---------|---------|-----------------------------------|----------------------|
 * | CONNECT | none    | none                              | host and port        |
 * | OPTIONS | one     | begins with `/`, or is `*`        | may be there         |
 * | other   | one     | begins with `/`                   | may be there         |
 *
 * A path has no blanks; that of a scheme other than http and https may be anything else but empty.
 */
export function requestHead(fields: readonly HeaderField[]): Http2RequestHead | Malformed {
  const facts = noFacts()
  const problem = readFields(fields, 'request', facts) ?? pseudoProblem(facts)
  return problem === null ? new Http2RequestHead(fields, facts) : { kind: 'malformed', problem }
}

/** A final or interim head; which of both, its status says. */
export function responseHead(fields: readonly HeaderField[]): Http2ResponseHead | Malformed {
  const facts = noFacts()
  const problem = readFields(fields, 'response', facts) ?? statusProblem(facts.status)
  return problem === null ? new Http2ResponseHead(fields, facts) : { kind: 'malformed', problem }
}

/** What is wrong with trailers; null if nothing is. */
export function trailersProblem(fields: readonly HeaderField[]): string | null {
  return readFields(fields, 'trailers', noFacts())
}

/**
 * Whether the bytes of DATA are as many as Content-Length says (RFC 9113 8.1.1); to be asked after
 * each DATA frame, and with `ended` at the end of the stream. Not to be asked of answers to HEAD and
 * with the status 304, whose length is that of what they do not have.
 */
export function lengthProblem(
  contentLength: number | null,
  received: number,
  ended: boolean,
): string | null {
  if (contentLength === null || received === contentLength) return null
  if (received < contentLength && !ended) return null
  return `DATA of ${received} bytes where Content-Length says ${contentLength} (RFC 9113 8.1.1)`
}

function noFacts(): Facts {
  return {
    method: null,
    scheme: null,
    authority: null,
    path: null,
    status: null,
    host: null,
    hasTwoHosts: false,
    contentLength: null,
    pseudo: 0,
  }
}

function readFields(
  fields: readonly HeaderField[],
  direction: Direction,
  facts: Facts,
): string | null {
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as HeaderField
    if (field.fault !== null) return field.fault
    if (field.role === 'ordinary') continue
    const problem = isPseudo(field)
      ? readPseudo(field, i, direction, facts)
      : readSpecial(field, facts)
    if (problem !== null) return problem
  }
  return null
}

function isPseudo({ name }: HeaderField): boolean {
  return name.charCodeAt(0) === 0x3a
}

function readPseudo(
  field: HeaderField,
  at: number,
  direction: Direction,
  facts: Facts,
): string | null {
  if (direction === 'trailers') return PROBLEM.inTrailers
  if (at !== facts.pseudo) return PROBLEM.late
  facts.pseudo++
  const slot = SLOTS[field.role]
  if (slot === undefined || (slot === 'status') !== (direction === 'response')) {
    return PROBLEM.unknown
  }
  if (facts[slot] !== null) return PROBLEM.twice
  facts[slot] = field.value
  return null
}

type Slot = 'method' | 'scheme' | 'authority' | 'path' | 'status'

const SLOTS: { readonly [role in HeaderField['role']]?: Slot } = {
  'pseudo-method': 'method',
  'pseudo-scheme': 'scheme',
  'pseudo-authority': 'authority',
  'pseudo-path': 'path',
  'pseudo-status': 'status',
}

function readSpecial({ role, value }: HeaderField, facts: Facts): string | null {
  if (role === 'connection-specific') return PROBLEM.connection
  if (role === 'host') {
    if (facts.host === null) facts.host = value
    else if (facts.host !== value) facts.hasTwoHosts = true
    return null
  }
  if (role === 'te') return value.toLowerCase() === 'trailers' ? null : PROBLEM.te
  if (facts.contentLength !== null) return PROBLEM.twoLengths
  if (!/^\d{1,16}$/.test(value)) return PROBLEM.length
  facts.contentLength = Number(value)
  return Number.isSafeInteger(facts.contentLength) ? null : PROBLEM.length
}

function pseudoProblem(facts: Facts): string | null {
  const { method, scheme, authority, path, host } = facts
  if (facts.hasTwoHosts) return PROBLEM.twoHosts
  if (method === null || !isMade(method, TOKEN)) return PROBLEM.noMethod
  if (authority !== null && !AUTHORITY.test(authority)) return PROBLEM.authority
  if (method === 'CONNECT') {
    if (scheme !== null || path !== null) return PROBLEM.connect
    return authority === null || !HAS_PORT.test(authority) ? PROBLEM.noConnectAuthority : null
  }
  // Our routing goes by the one, many apps by the other.
  if (host !== null && authority !== null && !isSameHost(host, authority)) return PROBLEM.otherHost
  if (scheme === null || !SCHEME.test(scheme)) return PROBLEM.noScheme
  if (path === null || path === '') return PROBLEM.noPath
  // In the request line of HTTP/1, which an app may make of it, the path would end there.
  if (path.includes(' ') || path.includes('\t')) return PROBLEM.blankPath
  if (path.charCodeAt(0) === 0x2f || !HTTP_SCHEME.test(scheme)) return null
  if (path !== '*') return PROBLEM.path
  return method === 'OPTIONS' ? null : PROBLEM.asterisk
}

const SCHEME = /^[a-z][a-z0-9+\-.]*$/i
const HTTP_SCHEME = /^https?$/i

/** Host and port, or nothing; user information is forbidden. */
const AUTHORITY = /^(?:\[[0-9a-f.]*:[0-9a-f:.]*(?:%[\w.~-]+)?\]|[\w\-.~%!$&'()*+;=]*)(?::\d*)?$/i

const HAS_PORT = /.:\d{1,5}$/

/** The port may be left out where it is the usual one. */
function isSameHost(a: string, b: string): boolean {
  if (a === b) return true
  const [hostA, portA] = hostAndPort(a)
  const [hostB, portB] = hostAndPort(b)
  return hostA === hostB && (portA === portB || isUsual(portA, portB) || isUsual(portB, portA))
}

function isUsual(left: string, named: string): boolean {
  return left === '' && (named === '80' || named === '443')
}

function hostAndPort(authority: string): [host: string, port: string] {
  const [, host = '', port = ''] = /^(.*?)(?::(\d*))?$/.exec(authority.toLowerCase()) ?? []
  return [host, port]
}

function isMade(text: string, of: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if (of[text.charCodeAt(i)] !== 1) return false
  }
  return text !== ''
}

function statusProblem(status: string | null): string | null {
  if (status === null || !/^[1-9]\d\d$/.test(status)) return PROBLEM.status
  return status === '101' ? PROBLEM.switching : null
}
