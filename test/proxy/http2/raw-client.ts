/** An HTTP/2 client of tests that sends whatever bytes it is told, and notes all that it hears. */
import net from 'node:net'
import type { Address } from '../../../core/routing-table.ts'
import { makeField } from '../../../proxy/http2/field.ts'
import type { FrameEvent } from '../../../proxy/http2/frame.ts'
import { FrameReader } from '../../../proxy/http2/frame-reader.ts'
import { HpackDecoder } from '../../../proxy/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../proxy/http2/hpack/encoder.ts'
import { CLIENT_PREFACE, settings, settingsAck } from './frames.ts'

export type Pair = readonly [name: string, value: string]

/** What came, with header blocks decoded; `closed` is the last. */
export type Heard =
  | Exclude<FrameEvent, { kind: 'headers' | 'data' }>
  | { kind: 'headers'; streamId: number; endStream: boolean; fields: Pair[] }
  | { kind: 'data'; streamId: number; endStream: boolean; text: string; flowBytes: number }
  | { kind: 'closed' }

export class RawClient {
  readonly socket: net.Socket
  readonly heard: Heard[] = []
  readonly encoder = new HpackEncoder()
  readonly #decoder = new HpackDecoder(4096, 1_000_000)
  readonly #reader = new FrameReader({ role: 'client' })
  #wake: (() => void)[] = []

  /** Resolves when the connection is there; nothing has been sent. */
  static connect({ ip, port }: Address): Promise<RawClient> {
    const socket = net.connect({ host: ip, port, allowHalfOpen: true, noDelay: true })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(socket)))
    })
  }

  /** @param socket of which nothing has been read */
  constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('end', () => this.#closed())
    socket.on('close', () => this.#closed())
    socket.on('error', () => {})
  }

  /** Preface and SETTINGS, until both sides have acknowledged. */
  async handshake(...values: readonly (readonly [id: number, value: number])[]): Promise<void> {
    this.send(CLIENT_PREFACE, settings(...values))
    await this.until((event) => event.kind === 'settings-ack')
  }

  send(...bytes: Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes))
  }

  /** A header block in this connection's compression. */
  block(pairs: readonly Pair[]): Buffer {
    return Buffer.from(this.encoder.encode(pairs.map(([name, value]) => makeField(name, value))))
  }

  /**
   * The first thing heard that fits, be it past or to come; null after `ms` milliseconds without, or
   * at the end of the connection.
   */
  async until(fits: (event: Heard) => boolean, ms = 5_000): Promise<Heard | null> {
    const deadline = Date.now() + ms
    for (let at = 0; ; ) {
      for (; at < this.heard.length; at++) {
        const event = this.heard[at] as Heard
        if (fits(event)) return event
        if (event.kind === 'closed') return null
      }
      if (!(await this.#more(deadline - Date.now()))) return null
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #more(ms: number): Promise<boolean> {
    if (ms <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms)
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }

  #note(event: Heard): void {
    this.heard.push(event)
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  #closed(): void {
    if (this.heard.at(-1)?.kind !== 'closed') this.#note({ kind: 'closed' })
  }

  #take(chunk: Buffer): void {
    this.#reader.push(chunk)
    for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
      if (event.kind === 'settings') this.send(settingsAck())
      this.#note(this.#plain(event))
    }
  }

  #plain(event: FrameEvent): Heard {
    if (event.kind === 'data') {
      const { streamId, endStream, bytes, flowBytes } = event
      return { kind: 'data', streamId, endStream, flowBytes, text: bytes.toString('latin1') }
    }
    if (event.kind !== 'headers') return event
    const result = this.#decoder.decode(event.block)
    if (result.kind !== 'fields') throw new Error(`undecodable: ${JSON.stringify(result)}`)
    const fields = result.fields.map(({ name, value }): Pair => [name, value])
    return { kind: 'headers', streamId: event.streamId, endStream: event.endStream, fields }
  }
}
