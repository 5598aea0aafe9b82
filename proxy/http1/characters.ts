/**
 * Which bytes may stand where in an HTTP/1 head, as tables of 256 entries (RFC 9110 5.5, 5.6.2). Filled
 * without a function that is called for each byte: at start it would wake an optimizing compiler, which
 * is 2 MB of memory.
 */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COLON = 0x3a
export const SLASH = 0x2f
const DEL = 0x7f

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `tchar`: methods and field names. */
export const TOKEN = tableOf(ALPHANUMERIC + TOKEN_MARKS)

/** `field-vchar`, space and tab: values, reason phrases. */
export const VALUE = new Uint8Array(256).fill(1, SP)
VALUE[HTAB] = 1
VALUE[DEL] = 0

/**
 * Request targets: everything printable. Bytes from 0x80 up are no URI characters, but curl, Node
 * and others send them; they stop no parser, so the app behind is to judge them.
 */
export const TARGET = new Uint8Array(256).fill(1, SP + 1)
TARGET[DEL] = 0

/** What nearly all hosts consist of. The rest of `uri-host [":" port]` (RFC 9110 7.2) is looked at more closely. */
export const HOST = tableOf(`${ALPHANUMERIC}-._`)

/** Value of a hexadecimal digit; 255 for anything else. */
export const HEX = hexTable()

/** Lower case of ASCII letters, anything else unchanged. */
export const LOWER = lowerTable()

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}

function lowerTable(): Uint8Array {
  const table = Uint8Array.from(new Uint8Array(256).keys())
  for (let byte = 0x41; byte <= 0x5a; byte++) table[byte] = byte + 0x20
  return table
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  for (let digit = 0; digit < 16; digit++) {
    const character = digit.toString(16)
    table[character.charCodeAt(0)] = digit
    table[character.toUpperCase().charCodeAt(0)] = digit
  }
  return table
}

/** What may stand around a value (OWS, RFC 9110 5.6.3): `trim` would take off a no-break space too. */
export function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB
}

/**
 * The text without the blanks around it, in one pass: an expression for those at the end begins anew at each blank within,
 * and 60 KB of them in one field would stop this process for seconds. `trim` would take off a no-break space too (byte
 * 0xA0), which belongs to the name for everyone else.
 */
export function withoutBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}
