/** Reads one answer of the controller out of the bytes of its connection (RFC 9112). */
import { ChunkedScanner } from './http1/chunked.ts'
import { CHUNKED, responseFraming, UNTIL_CLOSE } from './http1/framing.ts'
import { ParsedResponseHead } from './http1/head.ts'
import { HeadReader } from './http1/head-reader.ts'

export interface AnswerParts {
  onStatus(status: number): void
  onData(bytes: Buffer): void
}

export class AnswerReader {
  /** The answer has come whole. */
  done = false
  /** After `done`: whether another request may follow on the connection. */
  keepAlive = false
  readonly #method: string
  readonly #parts: AnswerParts
  readonly #heads = new HeadReader('response')
  /** Bytes of the body that are to come, or `CHUNKED` or `UNTIL_CLOSE`; null before the head. */
  #length: number | null = null
  readonly #chunks = new ChunkedScanner()

  /** @param method of the request, since HEAD gets no body */
  constructor(method: string, parts: AnswerParts) {
    this.#method = method
    this.#parts = parts
  }

  /** Takes what has come next; returns what is wrong with it. */
  read(chunk: Buffer): string | null {
    let at = 0
    while (this.#length === null) {
      const result = this.#heads.read(chunk, at)
      if (result === 'more') return null
      if (result !== 'done') return notHttp(this.#heads.scanner.problem || 'the head is too large')
      at = this.#heads.next
      const problem = this.#takeHead()
      if (problem !== null) return problem
    }
    if (at < chunk.length || this.#length === 0) at = this.#takeBody(chunk, at)
    if (this.#chunks.problem !== null) return notHttp(this.#chunks.problem)
    // An answer to nothing: whoever sends it must not be asked here again.
    if (this.done && at < chunk.length) this.keepAlive = false
    return null
  }

  /** The connection has ended in good order; returns what is missing then. */
  end(): string | null {
    if (this.#length === null) return 'the connection was closed before an answer'
    this.done ||= this.#length === UNTIL_CLOSE
    return this.done ? null : 'the connection was closed in the middle of an answer'
  }

  #takeHead(): string | null {
    const { buffer, base, scanner } = this.#heads
    const head = new ParsedResponseHead(buffer, base, scanner)
    this.#heads.reset()
    if (head.status < 200) return null
    const framing = responseFraming(head, this.#method)
    if (framing.kind === 'bad') return notHttp(framing.problem)
    this.#length = framing.length
    this.keepAlive = framing.keepAlive
    this.#parts.onStatus(head.status)
    return null
  }

  /** Returns where it stopped. */
  #takeBody(chunk: Buffer, from: number): number {
    const { onData } = this.#parts
    if (this.#length === CHUNKED) {
      const end = this.#chunks.scan(chunk, from, onData)
      this.done = this.#chunks.done
      return end
    }
    if (this.#length === UNTIL_CLOSE) {
      onData(chunk.subarray(from))
      return chunk.length
    }
    const left = this.#length as number
    const take = Math.min(left, chunk.length - from)
    if (take > 0) onData(chunk.subarray(from, from + take))
    this.#length = left - take
    this.done = left === take
    return from + take
  }
}

const notHttp = (problem: string) => `the answer is not HTTP: ${problem}`
