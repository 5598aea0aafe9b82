/** One end of an HTTP/2 connection that a test plays, client or server, over a stream in memory. */
import { makeField } from '../../../proxy/http2/field.ts'
import { FLAG, type FrameEvent, MIN_MAX_FRAME_BYTES } from '../../../proxy/http2/frame.ts'
import { FrameReader } from '../../../proxy/http2/frame-reader.ts'
import { HpackDecoder } from '../../../proxy/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../proxy/http2/hpack/encoder.ts'
import type { MemoryStream } from '../memory-stream.ts'
import { CLIENT_PREFACE, continuation, headers, settings, settingsAck } from './frames.ts'

export type Pairs = readonly (readonly [name: string, value: string])[]

/** Head of a usual request. */
export function get(path = '/', ...more: Pairs): Pairs {
  return [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'orders'],
    ...more,
  ]
}

export function post(path = '/', ...more: Pairs): Pairs {
  return [[':method', 'POST'], ...get(path, ...more).slice(1)]
}

export class Http2Peer {
  readonly stream: MemoryStream
  /**
   * All that came, one line each: `headers 1 :status=200 end`, `data 1 hello`, `rst 1 8`, `goaway 3 0 why`,
   * `window 1 100`, `settings 3=100`, `ack`, `ping`, `pong`, `fin`, `closed`.
   */
  readonly log: string[] = []
  /** DATA bytes by stream. */
  readonly bytes = new Map<number, number>()
  closed: string | null = null
  readonly #isServer: boolean
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder(4096, 1_000_000)
  readonly #encoder = new HpackEncoder()

  constructor(stream: MemoryStream, role: 'client' | 'server') {
    this.stream = stream
    this.#isServer = role === 'server'
    this.#reader = new FrameReader({ role, maxFrameBytes: 16_777_215 })
    stream.listen({
      onData: (chunk) => this.#take(chunk),
      onEnd: () => this.log.push('fin'),
      onDrain: () => {},
      onClose: (error) => {
        this.closed = error?.code ?? 'in order'
        this.log.push('closed')
      },
    })
  }

  /** The preface of its side. */
  open(...values: readonly (readonly [id: number, value: number])[]): this {
    this.send(...(this.#isServer ? [] : [CLIENT_PREFACE]), settings(...values))
    return this
  }

  send(...bytes: Buffer[]): void {
    this.stream.write(Buffer.concat(bytes))
  }

  head(streamId: number, pairs: Pairs, endStream = true): void {
    const block = this.block(pairs)
    const flag = endStream ? FLAG.endStream : 0
    if (block.length <= MIN_MAX_FRAME_BYTES) {
      this.send(headers(streamId, block, flag | FLAG.endHeaders))
      return
    }
    this.send(headers(streamId, block.subarray(0, MIN_MAX_FRAME_BYTES), flag))
    for (let at = MIN_MAX_FRAME_BYTES; at < block.length; at += MIN_MAX_FRAME_BYTES) {
      const piece = block.subarray(at, at + MIN_MAX_FRAME_BYTES)
      this.send(continuation(streamId, piece, at + MIN_MAX_FRAME_BYTES >= block.length))
    }
  }

  /** A block in this connection's compression; it must be sent. */
  block(pairs: Pairs): Buffer {
    return Buffer.from(this.#encoder.encode(pairs.map(([name, value]) => makeField(name, value))))
  }

  /** What came on one stream, or with other words, in order. */
  of(start: string): string[] {
    return this.log.filter((line) => line.split(' ')[1] === start || line.startsWith(start))
  }

  #take(chunk: Buffer): void {
    this.#reader.push(chunk)
    for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
      if (event.kind === 'settings') this.send(settingsAck())
      if (event.kind === 'data') this.#count(event.streamId, event.bytes.length)
      this.log.push(this.#describe(event))
    }
  }

  #count(streamId: number, length: number): void {
    this.bytes.set(streamId, (this.bytes.get(streamId) ?? 0) + length)
  }

  #describe(event: FrameEvent): string {
    const end = 'endStream' in event && event.endStream ? ' end' : ''
    switch (event.kind) {
      case 'headers': {
        const result = this.#decoder.decode(event.block)
        if (result.kind !== 'fields') throw new Error(`undecodable: ${JSON.stringify(result)}`)
        const fields = result.fields.map(({ name, value }) => ` ${name}=${value}`).join('')
        return `headers ${event.streamId}${fields}${end}`
      }
      case 'data': {
        const { bytes } = event
        const text = bytes.length > 200 ? `${bytes.length} bytes` : bytes.toString('latin1')
        return `data ${event.streamId} ${text}${end}`
      }
      case 'rst-stream':
        return `rst ${event.streamId} ${event.code}`
      case 'goaway':
        return `goaway ${event.lastStreamId} ${event.code} ${event.debug.toString()}`.trim()
      case 'window-update':
        return `window ${event.streamId} ${event.increment}`
      case 'settings':
        return `settings ${event.settings.map((pair) => pair.join('=')).join(' ')}`
      case 'settings-ack':
        return 'ack'
      case 'ping':
        return event.ack ? 'pong' : `ping ${event.payload.toString('latin1')}`
      case 'problem':
        return `problem ${event.message}`
      default:
        return event.kind
    }
  }
}
