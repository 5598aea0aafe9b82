/** Numbers, times and bodies as people read them. Pure. */
import type { CapturedBody, HeaderList } from '../core/trace-record.ts'

/** `0.4 ms`, `12 ms`, `1.25 s`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_995) return `${trim((ms / 1000).toFixed(2))} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `340 B`, `1.2 kB`, `60 MB` (powers of 1000, as browsers show them). */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 'B'
  for (const next of units) {
    // 999.95 would be written as 1000.0.
    if (value < 999.95) break
    value /= 1000
    unit = next
  }
  return `${value < 10 ? trim(value.toFixed(1)) : Math.round(value)} ${unit}`
}

/** `14:03:07.120`, in the reader's time zone. */
export function formatTime(ms: number): string {
  const date = new Date(ms)
  const two = (number: number) => String(number).padStart(2, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function trim(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal
}

export interface ReadableBody {
  text: string
  /** What the reader must know about it; empty if it is all there as it was. */
  note: string
}

/** Bytes shown of a body that is no text. */
const HEX_BYTES = 256

/** A captured body as text: JSON indented, other text as it is, anything else as hex. */
export function readableBody(body: CapturedBody, headers: HeaderList): ReadableBody {
  const bytes = Uint8Array.from(atob(body.base64), (char) => char.charCodeAt(0))
  const cut = body.truncated ? `first ${formatBytes(bytes.length)} only` : ''
  const coding = headers.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1]
  const text = coding && coding !== 'identity' ? null : decodeText(bytes, body.truncated)
  if (text !== null) return { text: indentJson(text), note: cut }
  const hex = [...bytes.subarray(0, HEX_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'))
  const what = coding ? `compressed (${coding}), as hex` : 'not text, as hex'
  return { text: hex.join(' '), note: [what, cut].filter(Boolean).join('; ') }
}

function decodeText(bytes: Uint8Array, truncated: boolean): string | null {
  try {
    // As a stream, a character cut off at the end is left out instead of being an error.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated })
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

function indentJson(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
