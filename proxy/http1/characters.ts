/** Which bytes may stand where in an HTTP/1 head, as tables of 256 entries (RFC 9110 5.5, 5.6.2). */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COLON = 0x3a

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `tchar`: methods and field names. */
export const TOKEN = tableOf(ALPHANUMERIC + TOKEN_MARKS)

/** `field-vchar`, space and tab: values, reason phrases. */
export const VALUE = rangeTable((byte) => byte === HTAB || (byte >= SP && byte !== 0x7f))

/**
 * Request targets: everything printable. Bytes from 0x80 up are no URI characters, but curl, Node
 * and others send them; they stop no parser, so the app behind is to judge them.
 */
export const TARGET = rangeTable((byte) => byte > SP && byte !== 0x7f)

/** What nearly all hosts consist of. The rest of `uri-host [":" port]` (RFC 9110 7.2) is looked at more closely. */
export const HOST = tableOf(`${ALPHANUMERIC}-._`)

/** Value of a hexadecimal digit; 255 for anything else. */
export const HEX = hexTable()

/** Lower case of ASCII letters, anything else unchanged. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}

function rangeTable(contains: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (contains(byte) ? 1 : 0))
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
