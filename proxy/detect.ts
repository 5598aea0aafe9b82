/**
 * Protocol detection: a pure decision over the first bytes that a client has sent. It says what
 * they are as soon as that is certain and never guesses; no clock takes part.
 */

export type Detected = 'http1' | 'h2' | 'tls' | 'opaque'
export type Detection = Detected | 'need-more'

/** RFC 9113 section 3.4. */
const H2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/**
 * Longest request line that is taken for HTTP, in bytes: that of a whole head, so that a long URL
 * reaches the HTTP engine, which then answers with a reason. More without a line end is no HTTP.
 */
export const MAX_REQUEST_LINE = 65_536

/** Longest method: WebDAV's longest, UPDATEREDIRECTREF, has 17 letters. */
const MAX_METHOD = 32

/**
 * Where the runs of a request line's bytes ended when it was looked at last: a client that sends 64 KB one by one would
 * otherwise have all of them gone through each time, for 20 s in all.
 */
export interface Seen {
  /** Line ends before the line; all else counts from there on. */
  line: number
  target: number
  targetEnd: number
  version: number
}

/** Nothing yet. */
export function nothingSeen(): Seen {
  return { line: 0, target: 0, targetEnd: 0, version: 0 }
}

/**
 * | first bytes                                       | answer                             |
 * |---------------------------------------------------|------------------------------------|
 * | none                                              | need-more                          |
 * | `PRI * HTTP/2.0 CRLF CRLF SM CRLF CRLF`, whole    | h2                                 |
 * | 22, 3, 0–4, length, 1 (a TLS handshake record with a ClientHello) | tls                |
 * | token, blanks, target, blanks, `HTTP/` digit      | http1                              |
 * | a method of HTTP, blanks, a path or an `http:` address, line end | http1               |
 * | line ends, then one of these two                  | http1                              |
 * | a beginning of one of these                       | need-more                          |
 * | anything else, from its first impossible byte on  | opaque                             |
 *
 * What names HTTP in its third word is meant as HTTP also where its line is wrong (two blanks, a tab, a bare LF, a
 * version that nobody has on a line): the HTTP engine then refuses it and says why, because two parsers would read it
 * differently. Of `HTTP/2.0` nginx says 505, while Node, Apache and haproxy serve it and what follows it. Servers pass
 * over line ends before the line (RFC 9112 2.2), so a client that begins with them would else go round the routing, and
 * round every rule.
 *
 * A line without a third word is HTTP/0.9, which nginx, Apache and Node serve (Node with the fields and requests
 * that follow), haproxy does not: refused likewise. `GET key` of Redis and memcached's `get /path`, as nginx sends it,
 * are none: methods are told by case, and paths begin with a slash. A third word that names another protocol (`RTSP/1.0`,
 * `SIP/2.0`, `ICE/1.0`) is opaque.
 *
 * @param seen of the last look at fewer of these bytes; changed
 */
export function detect(bytes: Buffer, seen: Seen | null = null): Detection {
  const first = bytes[0]
  if (first === undefined) return 'need-more'
  if (first === 0x16) return detectTls(bytes)
  if (startsAlike(bytes, H2_PREFACE)) {
    return bytes.length >= H2_PREFACE.length ? 'h2' : 'need-more'
  }
  const line = skip(bytes, seen?.line ?? 0, MAX_REQUEST_LINE, isLineEnd)
  if (seen !== null) seen.line = line
  return detectRequestLine(line === 0 ? bytes : bytes.subarray(line), seen)
}

/**
 * True for a beginning of the SETTINGS that a server of HTTP/2 may send before its client has spoken
 * (RFC 9113 3.4): nine bytes with a length that is a multiple of six, type 4, no flags, stream 0. No
 * known greeting of another protocol begins so.
 */
export function maySettle(fromServer: Buffer): boolean {
  const [high = 0, middle = 0, low, type = 4] = fromServer
  if (high !== 0 || type !== 4) return false
  if (low !== undefined && (middle * 256 + low) % 6 !== 0) return false
  return fromServer.subarray(4, 9).every((byte) => byte === 0)
}

/** RFC 8446 section 5.1: type, legacy version, length (2^14 at most), and the handshake's type. */
function detectTls(bytes: Buffer): Detection {
  const [, major, minor, high, low, handshake] = bytes
  if (major === undefined) return 'need-more'
  if (major !== 3) return 'opaque'
  if (minor === undefined) return 'need-more'
  if (minor > 4) return 'opaque'
  if (high === undefined || low === undefined) return 'need-more'
  const length = high * 256 + low
  if (length < 4 || length > 16_384) return 'opaque'
  if (handshake === undefined) return 'need-more'
  return handshake === 1 ? 'tls' : 'opaque'
}

/** RFC 9112 section 3: `method SP request-target SP HTTP-version CRLF`, as far as the version's first digit. */
function detectRequestLine(bytes: Buffer, seen: Seen | null): Detection {
  const methodEnd = skip(bytes, 0, MAX_METHOD, isTokenByte)
  if (methodEnd === bytes.length && methodEnd < MAX_METHOD) return 'need-more'
  if (methodEnd === 0 || !isBlank(bytes[methodEnd] as number)) return 'opaque'

  const target = skip(bytes, Math.max(methodEnd, seen?.target ?? 0), MAX_REQUEST_LINE, isBlank)
  const targetEnd = skip(
    bytes,
    Math.max(target, seen?.targetEnd ?? 0),
    MAX_REQUEST_LINE,
    isTargetByte,
  )
  const version = skip(bytes, Math.max(targetEnd, seen?.version ?? 0), MAX_REQUEST_LINE, isBlank)
  if (seen !== null) Object.assign(seen, { target, targetEnd, version })
  if (version === bytes.length) return version < MAX_REQUEST_LINE ? 'need-more' : 'opaque'
  if (targetEnd === target) return 'opaque'
  if (isLineEnd(bytes[version] as number)) {
    const method = bytes.toString('latin1', 0, methodEnd)
    const start = bytes.toString('latin1', target, Math.min(targetEnd, target + MAX_SCHEME))
    return METHODS.has(method) && ADDRESS.test(start) ? 'http1' : 'opaque'
  }
  if (version === targetEnd) return 'opaque'
  return detectVersion(bytes, version)
}

/** RFC 9110 section 9.3 without CONNECT, whose target is no path, and RFC 5789. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])

/** RFC 9112 sections 3.2.1 and 3.2.2; schemes in any case. */
const ADDRESS = /^(\/|https?:\/\/)/i
const MAX_SCHEME = 'https://'.length

const VERSION = Buffer.from('HTTP/', 'latin1')

function detectVersion(bytes: Buffer, from: number): Detection {
  if (!startsAlike(bytes, VERSION, from)) return 'opaque'
  const digit = bytes[from + VERSION.length]
  if (digit === undefined) return 'need-more'
  return digit >= 0x30 && digit <= 0x39 ? 'http1' : 'opaque'
}

const SP = 0x20
const TAB = 0x09
const LF = 0x0a
const CR = 0x0d

/**
 * True if one of the two is a beginning of the other. Byte by byte, because mostly the first one tells: to have Node
 * compare them, and cut them out before, costs each new connection a microsecond.
 */
function startsAlike(bytes: Buffer, pattern: Buffer, from = 0): boolean {
  const length = Math.min(bytes.length - from, pattern.length)
  for (let at = 0; at < length; at++) if (bytes[from + at] !== pattern[at]) return false
  return true
}

/** Where the run of fitting bytes ends. */
function skip(bytes: Buffer, from: number, limit: number, fits: (byte: number) => boolean): number {
  let end = from
  while (end < bytes.length && end < limit && fits(bytes[end] as number)) end++
  return end
}

function isLineEnd(byte: number): boolean {
  return byte === CR || byte === LF
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB
}

/** RFC 9110 section 5.6.2. */
function isTokenByte(byte: number): boolean {
  return TOKEN[byte] === 1
}

const TOKEN = new Uint8Array(256)
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[char.charCodeAt(0)] = 1
}

/** Visible ASCII, and the bytes above it that careless clients leave unescaped. */
function isTargetByte(byte: number): boolean {
  return byte > SP && byte !== 0x7f
}
