/** Requests that cases of the conformance suite send, whole or in parts. */
import { FLAG } from '../../../../proxy/http2/frame.ts'
import { headers } from '../frames.ts'
import type { Heard, Pair, RawClient } from '../raw-client.ts'

export const GET: readonly Pair[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'app'],
]
export const POST: readonly Pair[] = [[':method', 'POST'], ...GET.slice(1)]

/** The server answers it only when its body has ended, which it never does. */
export const OPEN = FLAG.endHeaders
export const WHOLE = FLAG.endHeaders | FLAG.endStream

/** The pseudo-fields of GET with one of another value, or without it (null). */
export function changed(name: string, value: string | null): Pair[] {
  return GET.flatMap((pair): Pair[] => {
    if (pair[0] !== name) return [pair]
    return value === null ? [] : [[name, value]]
  })
}

/** Sends HEADERS. The block is made now, so calls must come in the order of the wire. */
export function ask(
  client: RawClient,
  streamId: number,
  pairs: readonly Pair[] = GET,
  flags: number = WHOLE,
): void {
  client.send(headers(streamId, client.block(pairs), flags))
}

/** Sends a whole GET and waits for the end of its answer, or of the connection. */
export async function askAndWait(client: RawClient, streamId = 1): Promise<void> {
  ask(client, streamId)
  await client.until((event) => isEnd(event, streamId))
}

/** Waits until a request that is open has reached whoever serves it: its PING is answered behind it. */
export async function settle(client: RawClient): Promise<void> {
  const payload = Buffer.from('settled!')
  client.send(pingFrame(payload))
  await client.until((event) => event.kind === 'ping' && event.payload.equals(payload))
}

function pingFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0, 0, 8, 6, 0, 0, 0, 0, 0), payload])
}

export function isEnd(event: Heard, streamId: number): boolean {
  return 'endStream' in event && event.streamId === streamId && event.endStream
}

/** DATA bytes heard on a stream. */
export function received(client: RawClient, streamId: number): number {
  return client.heard.reduce(
    (sum, event) =>
      event.kind === 'data' && event.streamId === streamId ? sum + event.text.length : sum,
    0,
  )
}

/** The value of a setting that the server has announced; null if it has not. */
export function announced(client: RawClient, id: number): number | null {
  for (const event of client.heard) {
    if (event.kind !== 'settings') continue
    for (const [setting, value] of event.settings) if (setting === id) return value
  }
  return null
}
