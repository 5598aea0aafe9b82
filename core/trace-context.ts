/** W3C Trace Context and Baggage: reading and writing the two headers that cross process borders. */

export interface TraceParent {
  /** 32 lower-case hex digits, not all zero. */
  traceId: string
  /** 16 lower-case hex digits, not all zero: the span that sent the request. */
  parentId: string
  /** Two hex digits. */
  flags: string
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent` value (https://www.w3.org/TR/trace-context/#traceparent-header).
 * Null for anything invalid, which the standard says to treat as absent.
 */
export function parseTraceParent(value: string): TraceParent | null {
  const match = TRACEPARENT.exec(value.trim())
  if (!match) return null
  const [, version = '', traceId = '', parentId = '', flags = '', rest] = match
  if (version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return null
  // Version 00 has exactly four fields; later versions may add more behind a dash.
  if (version === '00' && rest !== undefined) return null
  return { traceId, parentId, flags }
}

export function formatTraceParent({ traceId, parentId, flags }: TraceParent): string {
  return `00-${traceId}-${parentId}-${flags}`
}

/**
 * Ids need to be different, not secret: `Math.random` is enough, as for OpenTelemetry's libraries. Digits are
 * made for some ids at once, as one text; ids are parts of it and keep it alive for as long as a record
 * waits, so it is short.
 */
const random = Buffer.alloc(512)
let digits = ''
let used = 0

/** A new trace id; never all zero but for a chance of 2^-128. */
export function newTraceId(): string {
  return randomDigits(32)
}

export function newSpanId(): string {
  return randomDigits(16)
}

/** A `traceparent` that begins a new trace: both ids are new, and the trace is sampled. */
export function newTraceParent(): string {
  if (parentsUsed === parents.length) refillParents()
  parentsUsed += PARENT.length
  return parentsText.slice(parentsUsed - PARENT.length, parentsUsed)
}

const PARENT = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`

/** Made so many at once, as one text: put together one by one they cost five strings each. */
const parents = Buffer.from(PARENT.repeat(16), 'latin1')
let parentsText = ''
let parentsUsed = parents.length

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')

function refillParents(): void {
  for (let at = 0; at < parents.length; at += PARENT.length) {
    fillRandom(24)
    writeDigits(0, 16, at + TRACE_AT)
    writeDigits(16, 8, at + PARENT_AT)
  }
  parentsText = parents.toString('latin1')
  parentsUsed = 0
}

/** Where the trace id begins in a `traceparent`, and the parent id. */
const TRACE_AT = 3
const PARENT_AT = 36

/** Writes bytes of `random` as digits into `parents`. */
function writeDigits(from: number, bytes: number, to: number): void {
  for (let i = 0; i < bytes; i++) {
    const byte = random[from + i] as number
    parents[to + 2 * i] = DIGITS[byte >> 4] as number
    parents[to + 2 * i + 1] = DIGITS[byte & 15] as number
  }
}

/** The two ids that stand in a well-formed `traceparent`. */
export function traceIdIn(traceparent: string): string {
  return traceparent.slice(TRACE_AT, TRACE_AT + 32)
}

export function parentIdIn(traceparent: string): string {
  return traceparent.slice(PARENT_AT, PARENT_AT + 16)
}

function randomDigits(count: number): string {
  if (used + count > digits.length) refill()
  used += count
  return digits.slice(used - count, used)
}

function refill(): void {
  fillRandom(random.length)
  digits = random.toString('hex')
  used = 0
}

/** Makes the first bytes of `random` new; their number is a multiple of 4. */
function fillRandom(bytes: number): void {
  for (let at = 0; at < bytes; at += 4) {
    const word = Math.random() * 2 ** 32
    random[at] = word
    random[at + 1] = word >>> 8
    random[at + 2] = word >>> 16
    random[at + 3] = word >>> 24
  }
}

/**
 * The value of one baggage member (https://www.w3.org/TR/baggage/#header-content), percent-decoded
 * and without its properties; null if absent or not decodable.
 */
export function baggageMember(header: string, key: string): string | null {
  for (const member of header.split(',')) {
    const [pair = ''] = member.split(';')
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== key) continue
    return decode(pair.slice(equals + 1).trim())
  }
  return null
}

/** The value of one cookie of a `Cookie` header (RFC 6265 section 4.2.1); null if absent. */
export function cookieValue(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    return decode(
      pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
  }
  return null
}

function decode(value: string): string | null {
  try {
    return decodeURIComponent(value)
  } catch {
    return null
  }
}
