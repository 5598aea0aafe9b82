/**
 * Reads the server name out of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3).
 * Pure; the bytes may come in any pieces and may be garbage.
 */

export type ClientHello =
  | { state: 'need-more' }
  /** Not a ClientHello, or one that is broken or too long to look at. */
  | { state: 'no-hello' }
  | { state: 'done'; sni: string | null }

/**
 * Longest ClientHello that is looked at, in bytes. Post-quantum key shares make some 2 kB, and
 * long session tickets a little more; servers themselves stop between 16 and 128 kB.
 */
export const MAX_CLIENT_HELLO = 32_768

/**
 * Most records over which one may be spread. Clients that do so, to hide the name, make a few; of one byte each there could
 * be ten thousand, to be joined anew with each piece that comes.
 */
const MOST_RECORDS = 64

const RECORD_HEADER = 5
const HANDSHAKE_HEADER = 4
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const SERVER_NAME_EXTENSION = 0
const HOST_NAME = 0

/**
 * @param bytes all that the client has sent so far, from its first byte
 * @returns the server name, null where the client sends none
 */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = joinRecords(bytes)
  if (message === null) return { state: 'no-hello' }
  if (message.length < HANDSHAKE_HEADER) return needMore(bytes)
  if (message[0] !== CLIENT_HELLO) return { state: 'no-hello' }
  const length = message.readUIntBE(1, 3)
  if (length > MAX_CLIENT_HELLO) return { state: 'no-hello' }
  if (message.length < HANDSHAKE_HEADER + length) return needMore(bytes)
  return readBody(message.subarray(HANDSHAKE_HEADER, HANDSHAKE_HEADER + length))
}

function needMore(bytes: Buffer): ClientHello {
  return bytes.length < 2 * MAX_CLIENT_HELLO ? { state: 'need-more' } : { state: 'no-hello' }
}

/** The handshake bytes of the records so far (a message may span several); null if they are none. */
function joinRecords(bytes: Buffer): Buffer | null {
  const parts: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes[at] !== HANDSHAKE_RECORD) return parts.length > 0 ? Buffer.concat(parts) : null
    if (bytes.length - at < RECORD_HEADER) break
    if (bytes[at + 1] !== 3) return null
    const length = bytes.readUInt16BE(at + 3)
    // An empty handshake record is forbidden (RFC 8446 section 5.1) and would never add anything.
    if (length === 0 || parts.length === MOST_RECORDS) return null
    parts.push(bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length))
    at += RECORD_HEADER + length
  }
  return Buffer.concat(parts)
}

/** Version 2, random 32, session id, cipher suites, compression methods, extensions. */
function readBody(body: Buffer): ClientHello {
  const reader = new Reader(body)
  reader.take(34)
  reader.vector(1)
  reader.vector(2)
  reader.vector(1)
  // TLS 1.2 allows a ClientHello without extensions.
  if (!reader.broken && reader.left === 0) return { state: 'done', sni: null }
  const extensions = new Reader(reader.vector(2))
  while (!reader.broken && extensions.left > 0) {
    const type = extensions.uint(2)
    const data = extensions.vector(2)
    if (extensions.broken) return { state: 'no-hello' }
    if (type === SERVER_NAME_EXTENSION) return { state: 'done', sni: readServerName(data) }
  }
  return reader.broken ? { state: 'no-hello' } : { state: 'done', sni: null }
}

function readServerName(data: Buffer): string | null {
  const names = new Reader(new Reader(data).vector(2))
  while (names.left > 0 && !names.broken) {
    const type = names.uint(1)
    const name = names.vector(2)
    if (names.broken) return null
    if (type === HOST_NAME) return hostName(name)
  }
  return null
}

/** A name is recorded and shown to people, so only what a DNS name may hold passes. */
function hostName(name: Buffer): string | null {
  const text = name.toString('latin1').toLowerCase()
  return /^[a-z0-9_.-]{1,255}$/.test(text) ? text : null
}

/** Takes fields one after another; a field beyond the end makes it `broken`, and all later empty. */
class Reader {
  readonly #bytes: Buffer
  #at = 0
  broken = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.broken ? 0 : this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    if (length > this.left) {
      this.broken = true
      return Buffer.alloc(0)
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  uint(width: number): number {
    const bytes = this.take(width)
    return this.broken ? 0 : bytes.readUIntBE(0, width)
  }

  /** Bytes that follow their own length, which is `width` bytes wide. */
  vector(width: number): Buffer {
    return this.take(this.uint(width))
  }
}
