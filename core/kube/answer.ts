/** Reading what the API server answers: whole texts, lines as they come, warnings, errors. */
import type { IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'

/** The API server's answer when it is not 2xx. */
export class KubeError extends Error {
  /** HTTP status, e.g. 404. */
  readonly status: number
  /** `reason` of the Status object, e.g. `NotFound`; empty if there was none. */
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
  }
}

/** Of an answer that is no Status object a message quotes this much (characters). */
const MAX_QUOTE = 500

/** @param about the request: `GET /api/v1/pods` */
export function errorOf(about: string, status: number, body: string): KubeError {
  const quoted = `status ${status}: ${body.slice(0, MAX_QUOTE).trim()}`
  try {
    const { reason = '', message = '' } = JSON.parse(body)
    return new KubeError(status, reason, `${about}: ${message || quoted}`)
  } catch {
    return new KubeError(status, '', `${about}: ${quoted}`)
  }
}

export async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Not node:readline: that also breaks lines at U+2028 and U+2029, which JSON allows in strings. */
export async function readLines(
  response: IncomingMessage,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new StringDecoder('utf8')
  const emit = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text !== '') onLine(text)
  }
  let rest = ''
  try {
    for await (const chunk of response) {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) emit(line)
    }
    emit(rest + decoder.end())
  } finally {
    response.destroy()
  }
}

/** `299 - "text"`: a code, an agent and a quoted text (RFC 7234 section 5.5); several may share a line. */
const WARNING = /\d{3} \S+ "((?:[^"\\]|\\.)*)"/g

/** The texts of an answer's `warning` headers, as admission and deprecated versions send them. */
export function warningsOf({ headersDistinct }: IncomingMessage): string[] {
  return (headersDistinct['warning'] ?? []).flatMap((line) =>
    [...line.matchAll(WARNING)].map(([, text = '']) => text.replace(/\\(.)/g, '$1')),
  )
}
