/** What a case of the conformance suite must lead to, and how one sees if it did. */
import { ERROR_CODE } from '../../../../proxy/http2/frame.ts'
import { ping } from '../frames.ts'
import type { Heard, RawClient } from '../raw-client.ts'

export type CodeName = keyof typeof ERROR_CODE

export type Outcome =
  /** GOAWAY with one of the codes; or the end of the connection, which may come without it (5.4.1). */
  | { kind: 'connection-error'; codes: readonly CodeName[] }
  /** RST_STREAM with one of the codes; or an error of the whole connection, which is allowed (5.4.2). */
  | { kind: 'stream-error'; streamId: number; codes: readonly CodeName[] }
  /** A final response whose stream ends. */
  | { kind: 'answer'; streamId: number; status: string; body?: string }
  /** The connection is there afterwards: PING is acknowledged. */
  | { kind: 'alive' }
  /** Something else. */
  | { kind: 'heard'; what: string; fits: (event: Heard) => boolean }

export interface Case {
  /** RFC 9113 unless it says otherwise. */
  section: string
  name: string
  /** Sent as SETTINGS at the beginning. */
  settings?: readonly (readonly [id: number, value: number])[]
  /** False: nothing is sent before `act`. */
  handshake?: false
  act: (client: RawClient) => void | Promise<void>
  outcome: Outcome
  /** What must hold besides, when the outcome is there; null if it does. */
  check?: (client: RawClient) => string | null
}

export const titleOf = ({ section, name }: Case): string => `${section} ${name}`

/** How long an outcome may take. Those that come come within a few ms; a loaded machine is slower. */
const OUTCOME_MS = 4_000

export const connectionError = (...codes: CodeName[]): Outcome => ({
  kind: 'connection-error',
  codes,
})
export const streamError = (streamId: number, ...codes: CodeName[]): Outcome => ({
  kind: 'stream-error',
  streamId,
  codes,
})
export const answer = (streamId = 1, status = '200', body?: string): Outcome => ({
  kind: 'answer',
  streamId,
  status,
  ...(body === undefined ? {} : { body }),
})
export const ALIVE: Outcome = { kind: 'alive' }

/** Carries a case out on a new connection; null if it came out as it must, else what came instead. */
export async function runCase(each: Case, client: RawClient): Promise<string | null> {
  try {
    if (each.handshake !== false) await client.handshake(...(each.settings ?? []))
    await each.act(client)
    const complaint = await complaintOf(each.outcome, client)
    return complaint ?? each.check?.(client) ?? null
  } finally {
    client.close()
  }
}

async function complaintOf(outcome: Outcome, client: RawClient): Promise<string | null> {
  switch (outcome.kind) {
    case 'connection-error':
      return judged(client, (event) => isConnectionError(event, outcome.codes))
    case 'stream-error':
      return judged(
        client,
        (event) => isStreamError(event, outcome) || isConnectionError(event, outcome.codes),
      )
    case 'answer':
      return answerComplaint(outcome, client)
    case 'alive': {
      client.send(ping('alive?!!'))
      return judged(client, (event) => isPong(event, 'alive?!!'))
    }
    default:
      return judged(client, outcome.fits)
  }
}

async function judged(client: RawClient, fits: (e: Heard) => boolean): Promise<string | null> {
  return (await client.until(fits, OUTCOME_MS)) ? null : inShort(client.heard)
}

async function answerComplaint(
  { streamId, status, body }: Extract<Outcome, { kind: 'answer' }>,
  client: RawClient,
): Promise<string | null> {
  const isOwn = (event: Heard) => 'streamId' in event && event.streamId === streamId
  const ended = await client.until(
    (event) => isOwn(event) && 'endStream' in event && event.endStream,
    OUTCOME_MS,
  )
  if (!ended) return inShort(client.heard)
  const own = client.heard.filter(isOwn)
  const said = own.flatMap((event) => (event.kind === 'headers' ? event.fields : []))
  if (!said.some(([name, value]) => name === ':status' && value === status)) {
    return inShort(client.heard)
  }
  const text = own.map((event) => (event.kind === 'data' ? event.text : '')).join('')
  return body === undefined || body === text ? null : `the body ${JSON.stringify(text)}`
}

function isConnectionError(event: Heard, codes: readonly CodeName[]): boolean {
  if (event.kind === 'closed') return true
  return event.kind === 'goaway' && codes.some((code) => ERROR_CODE[code] === event.code)
}

function isStreamError(
  event: Heard,
  { streamId, codes }: { streamId: number; codes: readonly CodeName[] },
): boolean {
  if (event.kind !== 'rst-stream' || event.streamId !== streamId) return false
  return codes.some((code) => ERROR_CODE[code] === event.code)
}

export function isPong(event: Heard, payload: string): boolean {
  return event.kind === 'ping' && event.ack && event.payload.toString('latin1') === payload
}

/** What was heard, without what every connection begins with. */
export function inShort(heard: readonly Heard[]): string {
  return heard.map(short).filter(Boolean).join(', ') || 'nothing'
}

function short(event: Heard): string {
  switch (event.kind) {
    case 'settings':
    case 'settings-ack':
      return ''
    case 'headers':
      return `${event.streamId}: ${event.fields[0]?.join(' ')}${event.endStream ? ' end' : ''}`
    case 'data':
      return `${event.streamId}: ${event.text.length} bytes${event.endStream ? ' end' : ''}`
    case 'goaway':
      return `GOAWAY ${event.code} ${event.debug.toString('latin1')}`.trim()
    case 'rst-stream':
      return `${event.streamId}: RST_STREAM ${event.code}`
    case 'window-update':
      return ''
    default:
      return event.kind
  }
}
