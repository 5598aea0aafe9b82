/**
 * Relays one request to its upstream connection and the answer back, in full duplex. This is the request's half and
 * what joins the two; the answer's is `answer-relay.ts`, and their end `exchange-end.ts`.
 */
import type { HeaderList } from '../../core/trace-record.ts'
import { DEAF, type StreamListener } from '../stream.ts'
import { AnswerRelay, SOON } from './answer-relay.ts'
import { type BodyScanner, bodyOf, INTO_REQUEST } from './body.ts'
import type { ClientSide } from './client-side.ts'
import { editMessage, MAX_COPIED_TAIL } from './edit-head.ts'
import type { ExchangeStart } from './exchange-start.ts'
import type { ParsedRequestHead } from './head.ts'
import { partOf } from './part.ts'
import { decideLoss } from './upstream-loss.ts'

export class ExchangeRelay extends AnswerRelay implements StreamListener {
  /** An answer is written on as it comes; a head that is needed longer is copied by whoever needs it. */
  readonly passes = true
  readonly #requestBody: BodyScanner
  #mayRetry: boolean
  #known: boolean
  /** What is sent again where the server turns out to be closing the connection. */
  #sentHead: Buffer | null = null

  constructor(client: ClientSide, begun: ExchangeStart) {
    super(client, begun)
    const { framing, recorder } = begun
    this.#requestBody = bodyOf(framing.length, recorder, INTO_REQUEST)
    this.#mayRetry = begun.reused && framing.isRepeatable
    this.#known = begun.known
  }

  /**
   * Sends the head, with these headers set, and what follows it in `chunk` from `from` on; returns where
   * the request's part ends.
   */
  begin(head: ParsedRequestHead, set: HeaderList, chunk: Buffer, from: number): number {
    const end = this.#requestBody.follow(chunk, from)
    this.upstream.listen(this)
    this.upstream.resume()
    if (this.#requestBody.problem !== null) {
      this.fail('bad-request', this.#requestBody.problem)
      return chunk.length
    }
    this.requestDone = this.#requestBody.done
    if (set.length === 0 && head.buffer === chunk && head.to === from) {
      if (this.#mayRetry) this.#sentHead = Buffer.from(head.bytes())
      this.#sendUp(partOf(chunk, head.from, end), SOON)
      return end
    }
    const copied = end - from <= MAX_COPIED_TAIL ? end : from
    // What may be sent again, which has no body, is kept for that.
    const edit = this.#mayRetry ? { set } : { set, room: this.upstream }
    const first = editMessage(head, edit, chunk, from, copied)
    if (this.#mayRetry) this.#sentHead = first
    this.#sendUp(first, SOON)
    if (copied < end) this.#sendUp(partOf(chunk, from, end))
    return end
  }

  /** Sends on body bytes; returns where the request's part ends. Call `settle` afterwards. */
  requestData(chunk: Buffer, from: number): number {
    const end = this.#requestBody.follow(chunk, from)
    if (this.#requestBody.problem !== null) {
      this.fail('bad-request', this.#requestBody.problem)
      return chunk.length
    }
    this.requestDone = this.#requestBody.done
    if (end > from) this.#sendUp(partOf(chunk, from, end))
    return end
  }

  /** Ends the exchange if both sides of it are done. */
  settle(): void {
    if (this.over || !this.requestOver() || !this.responseDone) return
    this.finish()
  }

  /** The client has sent FIN and nothing of it is left to read. */
  clientEnded(): void {
    if (this.over) return
    this.cutShort = !this.requestDone
    // A direct connection would show the server this FIN: some give up work on it, and others answer
    // what they think of half a request, which a client that has only half closed still reads.
    this.finSent = true
    if (this.responseDone) this.finish()
    else this.upstream.end()
  }

  /** The client's connection is gone. */
  clientClosed(error: NodeJS.ErrnoException | null): void {
    if (this.over) return
    if (this.responseDone) this.finish()
    else this.abandon(error?.code ?? 'closed')
  }

  onDrain(): void {
    this.client.holdRequest(false)
  }

  onEnd(): void {
    if (this.over) return
    if (this.responseDone) {
      // An early answer, and the server wants no more of the request: the client is to see that.
      this.reusable = false
      this.client.endClient()
      return
    }
    if (!this.untilClose) {
      this.#upstreamGone(null)
      return
    }
    this.responseDone = true
    if (this.requestOver()) this.finish()
    else this.client.endClient()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    if (this.over) return
    this.reusable = false
    if (this.responseDone) this.finish()
    else this.#upstreamGone(error)
  }

  #sendUp(bytes: Buffer, soon = false): void {
    this.requestBytes += bytes.length
    const { upstream } = this
    const taken = soon ? upstream.writeSoon(bytes) : upstream.write(bytes)
    if (!taken) this.client.holdRequest(true)
  }

  /** The upstream closed before the end of its answer: tries again, or reports what happened. */
  #upstreamGone(error: NodeJS.ErrnoException | null): void {
    const { finSent, cutShort, answering } = this
    const loss = decideLoss({
      error,
      bytes: this.responseBytes,
      answering,
      mayRetry: this.#mayRetry,
      known: this.#known,
      finSent,
      cutShort,
    })
    if (loss.kind === 'retry') this.#retry()
    else if (loss.kind === 'fail') this.fail(loss.code, loss.reason)
    else {
      if (error !== null) this.client.resetClient()
      this.upstream.close()
      this.giveUp(loss.code, this.where(loss.reason))
    }
  }

  /** Only for a reused connection that its server was closing: no byte of an answer, no body lost. */
  #retry(): void {
    this.#mayRetry = false
    this.#known = false
    this.upstream.listen(DEAF)
    this.upstream.close()
    this.upstream = this.client.dial(this.begun.target)
    this.upstream.listen(this)
    this.requestBytes = 0
    this.#sendUp(this.#sentHead as Buffer)
    if (this.finSent) this.upstream.end()
  }
}
