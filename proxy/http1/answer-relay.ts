/** The second half of an exchange: reads what its server says and sends it on to the client. */
import { SPECIMENS } from '../specimens.ts'
import { type BodyScanner, bodyOf, INTO_RESPONSE } from './body.ts'
import { editMessage, LAST_ANSWER, MAX_COPIED_TAIL } from './edit-head.ts'
import { ExchangeEnd } from './exchange-end.ts'
import { interimProblem, responseFraming, UNTIL_CLOSE } from './framing.ts'
import { ParsedResponseHead } from './head.ts'
import { type HeadReader, HeadReaders } from './head-reader.ts'
import { knownAnswer, learnAnswer } from './known-heads.ts'
import { partOf } from './part.ts'

const responseReaders = new HeadReaders('response')

/** For bytes that may go with the end of the turn: of the relay's own, or of a chunk that was not borrowed. */
export const SOON = true

export abstract class AnswerRelay extends ExchangeEnd {
  protected responseDone = false
  /** The answer has no other end than that of its connection. */
  protected untilClose = false
  /** In the middle of a head. */
  #heads: HeadReader | null = null
  #body: BodyScanner | null = null
  #upstreamPaused = false

  /** Of a body, only what the client does not take at once is needed longer, and stops the server. */
  get borrows(): boolean {
    return this.#body !== null && !this.responseDone
  }

  protected get answering(): boolean {
    return this.#body !== null
  }

  onData(chunk: Buffer): void {
    if (this.over) return
    this.responseBytes += chunk.length
    if (this.responseDone) {
      this.#surplus()
      return
    }
    if (this.#body === null) this.#readHeads(chunk)
    else this.#relayBody(this.#body, chunk)
  }

  /** The client takes bytes again. */
  clientDrained(): void {
    if (!this.#upstreamPaused) return
    this.#upstreamPaused = false
    this.upstream.resume()
  }

  #readHeads(chunk: Buffer): void {
    const known = this.#heads === null ? knownAnswer(chunk) : undefined
    if (known !== undefined) {
      this.#finalHead(known, chunk, known.to)
      return
    }
    let from = 0
    while (from < chunk.length) {
      const heads = this.#heads ?? responseReaders.take()
      this.#heads = heads
      const result = heads.read(chunk, from)
      if (result === 'more') return
      if (result !== 'done') {
        const long = 'a response head longer than 65536 bytes'
        this.fail('bad-response', result === 'refused' ? heads.scanner.problem : long)
        return
      }
      const { buffer, base, next, scanner } = heads
      const head = new ParsedResponseHead(buffer, base, scanner)
      this.#heads = null
      responseReaders.giveBack(heads)
      if (head.status >= 200 || head.status === 101) {
        learnAnswer(chunk, head)
        this.#finalHead(head, chunk, next)
        return
      }
      const problem = interimProblem(head)
      if (problem !== null) {
        this.fail('bad-response', problem)
        return
      }
      this.#sendDown(head.bytes(), SOON)
      from = next
    }
  }

  #finalHead(head: ParsedResponseHead, chunk: Buffer, next: number): void {
    const { framing: asked, method, version } = this.begun
    const connected = method === 'CONNECT' && head.status >= 200 && head.status < 300
    if (connected || (head.status === 101 && asked.upgrade)) {
      this.#becomeTunnel(head, chunk, next)
      return
    }
    const framing = responseFraming(head, method)
    if (framing.kind === 'bad' || head.status === 101) {
      const unasked = 'a switch of protocols that nobody asked for (RFC 9110 7.8)'
      this.fail('bad-response', framing.kind === 'bad' ? framing.problem : unasked)
      return
    }
    const body = bodyOf(framing.length, this.begun.recorder, INTO_RESPONSE)
    this.untilClose = framing.length === UNTIL_CLOSE
    const understood = version === '1.1' || framing.saysKeepAlive
    this.reusable = this.begun.keepAlive && framing.keepAlive && understood
    this.begun.recorder.responseHead(head)
    const end = body.follow(chunk, next)
    if (body.problem !== null) {
      // Nothing of it has been sent on yet, so that there can be an answer of ours.
      this.fail('bad-response', body.problem)
      return
    }
    this.#body = body
    SPECIMENS.response = head
    if (this.client.draining) {
      const copied = end - next <= MAX_COPIED_TAIL ? end : next
      this.#sendDown(editMessage(head, LAST_ANSWER, chunk, next, copied), SOON)
      if (copied < end) this.#sendDown(partOf(chunk, next, end))
    } else if (head.buffer === chunk) this.#sendDown(partOf(chunk, head.from, end), SOON)
    else {
      this.#sendDown(head.bytes(), SOON)
      if (end > next) this.#sendDown(partOf(chunk, next, end))
    }
    this.atOnce = true
    this.#progress(body, end < chunk.length)
    this.atOnce = false
  }

  #relayBody(body: BodyScanner, chunk: Buffer): void {
    const end = body.follow(chunk, 0)
    if (body.problem !== null) {
      this.fail('bad-response', body.problem)
      return
    }
    this.#sendDown(partOf(chunk, 0, end))
    this.#progress(body, end < chunk.length)
  }

  #progress(body: BodyScanner, surplus: boolean): void {
    if (!body.done) {
      this.begun.recorder.waits?.()
      return
    }
    this.responseDone = true
    if (surplus) this.#surplus()
    else if (this.requestOver()) this.finish()
    else this.begun.recorder.waits?.()
  }

  /**
   * Bytes beyond the answer belong to no request: nothing that follows could be trusted. Where the
   * request is not complete for us, the server may think that it is: both sides would wait for ever.
   */
  #surplus(): void {
    this.reusable = false
    this.finish()
  }

  #becomeTunnel(head: ParsedResponseHead, chunk: Buffer, next: number): void {
    const connect = this.begun.method === 'CONNECT'
    const websocket = head.header('upgrade')?.toLowerCase() === 'websocket'
    this.over = true
    this.begun.recorder.responseHead(head)
    this.begun.recorder.tunnel(connect ? 'connect' : websocket ? 'websocket' : 'upgrade')
    this.client.send(head.bytes())
    const rest = chunk.subarray(next)
    this.responseBytes -= rest.length
    this.client.tunnel(this.upstream, rest, ({ fromClient, fromUpstream, error, side }) => {
      this.requestBytes += fromClient
      this.responseBytes += fromUpstream
      const code = side === 'client' ? 'client-closed' : 'upstream-reset'
      this.done(error === null ? null : { code, message: this.where(error.message) })
    })
  }

  #sendDown(bytes: Buffer, soon = false): void {
    if (this.client.send(bytes, soon)) return
    this.#upstreamPaused = true
    this.upstream.pause()
  }
}
