/** Relays one request to its upstream connection and the answer back, in full duplex. */
import type { ErrorCode } from '../../core/errors.ts'
import { formatAddress } from '../../core/routing-table.ts'
import type { HeaderList } from '../../core/trace-record.ts'
import { SPECIMENS } from '../specimens.ts'
import { type ByteStream, DEAF, type StreamListener } from '../stream.ts'
import { type BodyScanner, bodyOf, INTO_REQUEST, INTO_RESPONSE } from './body.ts'
import type { ClientSide } from './client-side.ts'
import { editMessage, LAST_ANSWER, MAX_COPIED_TAIL } from './edit-head.ts'
import type { ExchangeStart } from './exchange-start.ts'
import { interimProblem, responseFraming, UNTIL_CLOSE } from './framing.ts'
import { type ParsedRequestHead, ParsedResponseHead } from './head.ts'
import { type HeadReader, HeadReaders } from './head-reader.ts'
import { knownAnswer, learnAnswer } from './known-heads.ts'
import { ownAnswer } from './own-answer.ts'
import { partOf } from './part.ts'
import { decideLoss } from './upstream-loss.ts'

const responseReaders = new HeadReaders('response')

const SOON = true

export class ExchangeRelay implements StreamListener {
  /** An answer is written on as it comes; a head that is needed longer is copied by whoever needs it. */
  readonly passes = true
  /** The whole request has been read. */
  requestDone = false
  readonly #client: ClientSide
  readonly #start: ExchangeStart
  readonly #requestBody: BodyScanner
  #upstream: ByteStream
  /** In the middle of a head. */
  #heads: HeadReader | null = null
  #responseBody: BodyScanner | null = null
  #untilClose = false
  #responseDone = false
  #reusable = false
  /** The client's FIN has been passed on. */
  #finSent = false
  /** That FIN came in the middle of the request. */
  #cutShort = false
  #mayRetry: boolean
  #known: boolean
  #sentHead: Buffer | null = null
  #upstreamPaused = false
  #over = false
  #requestBytes = 0
  #responseBytes = 0
  /** The head of the answer came in this turn. */
  #atOnce = false

  constructor(client: ClientSide, start: ExchangeStart) {
    const { framing, recorder } = start
    this.#client = client
    this.#start = start
    this.#upstream = start.upstream
    this.#requestBody = bodyOf(framing.length, recorder, INTO_REQUEST)
    this.#mayRetry = start.reused && framing.isRepeatable
    this.#known = start.known
  }

  /**
   * Sends the head, with these headers set, and what follows it in `chunk` from `from` on; returns where
   * the request's part ends.
   */
  begin(head: ParsedRequestHead, set: HeaderList, chunk: Buffer, from: number): number {
    const end = this.#requestBody.follow(chunk, from)
    this.#upstream.listen(this)
    this.#upstream.resume()
    if (this.#requestBody.problem !== null) {
      this.#fail('bad-request', this.#requestBody.problem)
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
    const edit = this.#mayRetry ? { set } : { set, room: this.#upstream }
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
      this.#fail('bad-request', this.#requestBody.problem)
      return chunk.length
    }
    this.requestDone = this.#requestBody.done
    if (end > from) this.#sendUp(partOf(chunk, from, end))
    return end
  }

  /** Ends the exchange if both sides of it are done. */
  settle(): void {
    if (this.#over || !this.#requestOver() || !this.#responseDone) return
    this.#finish()
  }

  /** Nothing more is to come from the client that could be sent on. */
  #requestOver(): boolean {
    return this.requestDone || this.#cutShort
  }

  /** The client has sent FIN and nothing of it is left to read. */
  clientEnded(): void {
    if (this.#over) return
    this.#cutShort = !this.requestDone
    // A direct connection would show the server this FIN: some give up work on it, and others answer
    // what they think of half a request, which a client that has only half closed still reads.
    this.#finSent = true
    if (this.#responseDone) this.#finish()
    else this.#upstream.end()
  }

  /** The client's connection is gone. */
  clientClosed(error: NodeJS.ErrnoException | null): void {
    if (this.#over) return
    if (this.#responseDone) this.#finish()
    else this.#abandon(error?.code ?? 'closed')
  }

  /** The client takes bytes again. */
  clientDrained(): void {
    if (!this.#upstreamPaused) return
    this.#upstreamPaused = false
    this.#upstream.resume()
  }

  /** Of a body, only what the client does not take at once is needed longer, and stops the server. */
  get borrows(): boolean {
    return this.#responseBody !== null && !this.#responseDone
  }

  onData(chunk: Buffer): void {
    if (this.#over) return
    this.#responseBytes += chunk.length
    if (this.#responseDone) {
      this.#surplus()
      return
    }
    if (this.#responseBody === null) this.#readHeads(chunk)
    else this.#relayBody(this.#responseBody, chunk)
  }

  onDrain(): void {
    this.#client.holdRequest(false)
  }

  onEnd(): void {
    if (this.#over) return
    if (this.#responseDone) {
      // An early answer, and the server wants no more of the request: the client is to see that.
      this.#reusable = false
      this.#client.endClient()
      return
    }
    if (!this.#untilClose) {
      this.#upstreamGone(null)
      return
    }
    this.#responseDone = true
    if (this.#requestOver()) this.#finish()
    else this.#client.endClient()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    if (this.#over) return
    this.#reusable = false
    if (this.#responseDone) this.#finish()
    else this.#upstreamGone(error)
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
        this.#fail('bad-response', result === 'refused' ? heads.scanner.problem : long)
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
        this.#fail('bad-response', problem)
        return
      }
      this.#sendDown(head.bytes(), SOON)
      from = next
    }
  }

  #finalHead(head: ParsedResponseHead, chunk: Buffer, next: number): void {
    const { framing: asked, method, version } = this.#start
    const connected = method === 'CONNECT' && head.status >= 200 && head.status < 300
    if (connected || (head.status === 101 && asked.upgrade)) {
      this.#becomeTunnel(head, chunk, next)
      return
    }
    const framing = responseFraming(head, method)
    if (framing.kind === 'bad' || head.status === 101) {
      const unasked = 'a switch of protocols that nobody asked for (RFC 9110 7.8)'
      this.#fail('bad-response', framing.kind === 'bad' ? framing.problem : unasked)
      return
    }
    const body = bodyOf(framing.length, this.#start.recorder, INTO_RESPONSE)
    this.#untilClose = framing.length === UNTIL_CLOSE
    const understood = version === '1.1' || framing.saysKeepAlive
    this.#reusable = this.#start.keepAlive && framing.keepAlive && understood
    this.#start.recorder.responseHead(head)
    const end = body.follow(chunk, next)
    if (body.problem !== null) {
      // Nothing of it has been sent on yet, so that there can be an answer of ours.
      this.#fail('bad-response', body.problem)
      return
    }
    this.#responseBody = body
    SPECIMENS.response = head
    if (this.#client.draining) {
      const copied = end - next <= MAX_COPIED_TAIL ? end : next
      this.#sendDown(editMessage(head, LAST_ANSWER, chunk, next, copied), SOON)
      if (copied < end) this.#sendDown(partOf(chunk, next, end))
    } else if (head.buffer === chunk) this.#sendDown(partOf(chunk, head.from, end), SOON)
    else {
      this.#sendDown(head.bytes(), SOON)
      if (end > next) this.#sendDown(partOf(chunk, next, end))
    }
    this.#atOnce = true
    this.#responseProgress(body, end < chunk.length)
    this.#atOnce = false
  }

  #relayBody(body: BodyScanner, chunk: Buffer): void {
    const end = body.follow(chunk, 0)
    if (body.problem !== null) {
      this.#fail('bad-response', body.problem)
      return
    }
    this.#sendDown(partOf(chunk, 0, end))
    this.#responseProgress(body, end < chunk.length)
  }

  #responseProgress(body: BodyScanner, surplus: boolean): void {
    if (!body.done) {
      this.#start.recorder.waits?.()
      return
    }
    this.#responseDone = true
    if (surplus) this.#surplus()
    else if (this.#requestOver()) this.#finish()
    else this.#start.recorder.waits?.()
  }

  /**
   * Bytes beyond the answer belong to no request: nothing that follows could be trusted. Where the
   * request is not complete for us, the server may think that it is: both sides would wait for ever.
   */
  #surplus(): void {
    this.#reusable = false
    this.#finish()
  }

  #becomeTunnel(head: ParsedResponseHead, chunk: Buffer, next: number): void {
    const connect = this.#start.method === 'CONNECT'
    const websocket = head.header('upgrade')?.toLowerCase() === 'websocket'
    this.#over = true
    this.#start.recorder.responseHead(head)
    this.#start.recorder.tunnel(connect ? 'connect' : websocket ? 'websocket' : 'upgrade')
    this.#client.send(head.bytes())
    const rest = chunk.subarray(next)
    this.#responseBytes -= rest.length
    this.#client.tunnel(this.#upstream, rest, ({ fromClient, fromUpstream, error, side }) => {
      this.#requestBytes += fromClient
      this.#responseBytes += fromUpstream
      const code = side === 'client' ? 'client-closed' : 'upstream-reset'
      this.#done(error === null ? null : { code, message: this.#where(error.message) })
    })
  }

  /** @param soon for bytes of the relay's own, or of a chunk that was not borrowed */
  #sendUp(bytes: Buffer, soon = false): void {
    this.#requestBytes += bytes.length
    const upstream = this.#upstream
    const taken = soon ? upstream.writeSoon(bytes) : upstream.write(bytes)
    if (!taken) this.#client.holdRequest(true)
  }

  /** @param soon as above */
  #sendDown(bytes: Buffer, soon = false): void {
    if (this.#client.send(bytes, soon)) return
    this.#upstreamPaused = true
    this.#upstream.pause()
  }

  /** The upstream closed before the end of its answer: tries again, or reports what happened. */
  #upstreamGone(error: NodeJS.ErrnoException | null): void {
    const loss = decideLoss({
      error,
      bytes: this.#responseBytes,
      answering: this.#responseBody !== null,
      mayRetry: this.#mayRetry,
      known: this.#known,
      finSent: this.#finSent,
      cutShort: this.#cutShort,
    })
    if (loss.kind === 'retry') this.#retry()
    else if (loss.kind === 'fail') this.#fail(loss.code, loss.reason)
    else {
      if (error !== null) this.#client.resetClient()
      this.#upstream.close()
      this.#giveUp(loss.code, this.#where(loss.reason))
    }
  }

  /** Only for a reused connection that its server was closing: no byte of an answer, no body lost. */
  #retry(): void {
    this.#mayRetry = false
    this.#known = false
    this.#upstream.listen(DEAF)
    this.#upstream.close()
    this.#upstream = this.#client.dial(this.#start.target)
    this.#upstream.listen(this)
    this.#requestBytes = 0
    this.#sendUp(this.#sentHead as Buffer)
    if (this.#finSent) this.#upstream.end()
  }

  #finish(): void {
    this.#over = true
    const reason = 'client: closed in the middle of the request'
    this.#done(this.#cutShort ? { code: 'client-closed', message: reason } : null)
    this.#client.finished(this.#upstream, this.#reusable && this.requestDone && !this.#finSent)
  }

  /** Ends the exchange by an answer of ours, or by RST once an answer has begun. */
  #fail(code: ErrorCode, reason: string): void {
    this.#over = true
    this.#upstream.listen(DEAF)
    this.#upstream.reset()
    const message = code === 'bad-request' ? reason : this.#where(reason)
    if (this.#responseBody === null) {
      const answer = ownAnswer(code, message, this.#start.method)
      this.#responseBytes = answer.bytes.length
      this.#start.recorder.responseHead(answer.head)
      this.#client.send(answer.bytes)
    } else this.#client.resetClient()
    this.#done({ code, message })
    this.#client.failed()
  }

  /** The client has gone: so must the upstream, which else would go on working for nobody. */
  #abandon(reason: string): void {
    this.#upstream.reset()
    this.#giveUp('client-closed', `client: ${reason}`)
  }

  #giveUp(code: ErrorCode, message: string): void {
    this.#over = true
    this.#upstream.listen(DEAF)
    this.#done({ code, message })
    this.#client.failed()
  }

  #where(reason: string): string {
    return `${formatAddress(this.#start.target)}: ${reason}`
  }

  #done(error: { code: ErrorCode; message: string } | null): void {
    const requestBytes = this.#requestBytes
    const responseBytes = this.#responseBytes
    const atOnce = this.#atOnce
    this.#start.recorder.done({ requestBytes, responseBytes, atOnce, error })
  }
}
