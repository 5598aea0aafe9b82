/** What an HTTP/2 server was sent on a connection, read from its bytes: stream by stream, in the order in which they open. */
import { FrameReader } from '../../proxy/http2/frame-reader.ts'
import { HpackDecoder } from '../../proxy/http2/hpack/decoder.ts'
import type { Pair } from '../proxy/http2/raw-client.ts'

export interface SentStream {
  /** The head, and trailers if there are any. */
  heads: Pair[][]
  /** As latin1. */
  body: string
  isEnded: boolean
  /** Code of RST_STREAM. */
  reset: number | null
}

/** @param bytes as latin1, from the preface on */
export function requestsIn(bytes: string): SentStream[] {
  const reader = new FrameReader({ role: 'server' })
  const decoder = new HpackDecoder(4096, 1_000_000)
  const streams = new Map<number, SentStream>()
  const at = (id: number): SentStream => {
    const stream = streams.get(id) ?? { heads: [], body: '', isEnded: false, reset: null }
    streams.set(id, stream)
    return stream
  }
  reader.push(Buffer.from(bytes, 'latin1'))
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind === 'problem')
      throw new Error(`a server was sent what is wrong: ${event.message}`)
    if (event.kind === 'headers') {
      const result = decoder.decode(event.block)
      if (result.kind !== 'fields') throw new Error(`undecodable: ${JSON.stringify(result)}`)
      at(event.streamId).heads.push(result.fields.map(({ name, value }): Pair => [name, value]))
    }
    if (event.kind === 'data') at(event.streamId).body += event.bytes.toString('latin1')
    if (event.kind === 'rst-stream') at(event.streamId).reset = event.code
    if ((event.kind === 'headers' || event.kind === 'data') && event.endStream) {
      at(event.streamId).isEnded = true
    }
  }
  return [...streams.values()]
}
