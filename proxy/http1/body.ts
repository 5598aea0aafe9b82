/** Finds where a message body ends, whatever delimits it. */

import type { ExchangeRecorder } from '../exchange.ts'
import { ChunkedScanner } from './chunked.ts'
import { CHUNKED, UNTIL_CLOSE } from './framing.ts'
import { partOf } from './part.ts'

/** Takes content of a body, transfer coding removed. */
export type BodySink = (recorder: ExchangeRecorder, data: Buffer) => void

export const INTO_REQUEST: BodySink = (recorder, data) => recorder.requestBody(data)
export const INTO_RESPONSE: BodySink = (recorder, data) => recorder.responseBody(data)

/** What follows a body; most messages share the one for no body, which has no state. */
export function bodyOf(length: number, recorder: ExchangeRecorder, sink: BodySink): BodyScanner {
  if (length === 0) return EMPTY
  return new BodyScanner(length, recorder, recorder.keepsBodies === false ? null : sink)
}

export class BodyScanner {
  /** The whole body has been seen. Never so before the end of the connection for UNTIL_CLOSE. */
  done: boolean
  /** Set if the chunked coding is broken; nothing of it may be trusted from then on. */
  problem: string | null = null
  readonly #length: number
  readonly #recorder: ExchangeRecorder
  /** Null where nobody wants the content. */
  readonly #sink: BodySink | null
  readonly #chunked: ChunkedScanner | null
  #remaining: number

  /** `length` is bytes, or `CHUNKED`, or `UNTIL_CLOSE`. */
  constructor(length: number, recorder: ExchangeRecorder, sink: BodySink | null) {
    this.#length = length
    this.#remaining = length
    this.#recorder = recorder
    this.#sink = sink
    this.#chunked = length === CHUNKED ? new ChunkedScanner() : null
    this.done = length === 0
  }

  /** Follows the body from offset `from`; returns the offset where its part of the buffer ends. */
  follow(buffer: Buffer, from: number): number {
    if (this.done || from === buffer.length) return from
    if (this.#chunked !== null) return this.#followChunked(this.#chunked, buffer, from)
    const left = buffer.length - from
    const take = this.#length === UNTIL_CLOSE ? left : Math.min(left, this.#remaining)
    this.#sink?.(this.#recorder, partOf(buffer, from, from + take))
    this.#remaining -= take
    this.done = this.#remaining === 0
    return from + take
  }

  #followChunked(chunked: ChunkedScanner, buffer: Buffer, from: number): number {
    const sink = this.#sink
    const onData = sink === null ? null : (data: Buffer) => sink(this.#recorder, data)
    const end = chunked.scan(buffer, from, onData)
    this.done = chunked.done
    this.problem = chunked.problem
    return end
  }
}

const NOBODY: ExchangeRecorder = {
  requestBody: () => {},
  responseHead: () => {},
  responseBody: () => {},
  tunnel: () => {},
  done: () => {},
}

const EMPTY = new BodyScanner(0, NOBODY, INTO_REQUEST)
