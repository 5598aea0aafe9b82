/** Relays one stream: a request of the client to the upstream that its plan names, and the answer back. */
import type { ErrorCode } from '../../core/errors.ts'
import { formatAddress } from '../../core/routing-table.ts'
import type { ExchangePlan, ExchangeRecorder } from '../exchange.ts'
import { IDEMPOTENT } from '../http1/framing.ts'
import { judgeAnswer, LIST_TOO_LONG, trailersFault } from './answer-rules.ts'
import { BodyPipe, type PipeOwner } from './body-pipe.ts'
import type { HeaderField } from './field.ts'
import { type DataEvent, ERROR_CODE, FRAME_HEADER_BYTES, type HeadersEvent } from './frame.ts'
import { type Http2RequestHead, lengthProblem } from './header-rules.ts'
import { nameOfCode } from './outbox.ts'
import { ownAnswer } from './own-answer.ts'
import { setFields } from './set-fields.ts'
import type { Upstream } from './upstream.ts'
import type { Upstreams } from './upstreams.ts'
import type { Wire } from './wire.ts'

/** The client's connection, as a stream sees it. */
export interface ClientSide {
  readonly wire: Wire
  readonly upstreams: Upstreams
  /** The stream is over on the client's side; `isReset` if by us, so that frames may still come. */
  remove(streamId: number, isReset: boolean): void
  /** The client has had a stream ended by breaking a rule, which is a way of taking requests back. */
  countEarly(): void
}

export interface StreamStart {
  id: number
  head: Http2RequestHead
  /** The head has END_STREAM: there is no body. */
  isBodiless: boolean
}

type Failure = { code: ErrorCode; message: string }
type Forward = ExchangePlan & { kind: 'forward' }

export class StreamRelay implements PipeOwner {
  /** Frame bytes of the head that was sent up. */
  requestBytes = 0
  /** A final head has gone to the client. */
  isAnswered = false
  readonly request: BodyPipe
  readonly response: BodyPipe
  readonly #client: ClientSide
  readonly #start: StreamStart
  readonly #recorder: ExchangeRecorder
  #plan: Forward | null = null
  #upstream: Upstream | null = null
  #upstreamId = 0
  /** The client's side is over: nothing more is sent to it. */
  #isClientDone = false
  #isRetried = false
  /** The answer ends by a reset of ours. */
  #isCutOff = false
  #isOver = false
  #responseLength: number | null = null
  #responseBytes = 0
  /** Tells the client to stop sending once it has the whole answer; -1 for no need. */
  #stopCode = -1
  #failure: Failure | null = null

  constructor(client: ClientSide, start: StreamStart, recorder: ExchangeRecorder) {
    this.#client = client
    this.#start = start
    this.#recorder = recorder
    this.request = new BodyPipe(this, client.wire, start.id)
    this.request.ended = start.isBodiless
    this.response = new BodyPipe(this, null, 0)
    this.response.connect(client.wire, start.id)
  }

  begin(plan: ExchangePlan): void {
    if (plan.kind === 'refuse') {
      this.#answer(plan.code, plan.message)
      return
    }
    this.#plan = plan
    this.#open(plan, null)
  }

  clientBody({ bytes, flowBytes, endStream }: DataEvent): void {
    const { request } = this
    if (request.ended) {
      this.clientFault('DATA behind END_STREAM (RFC 9113 5.1)', ERROR_CODE.streamClosed)
      return
    }
    const length = request.received + bytes.length
    const problem = lengthProblem(this.#start.head.contentLength, length, endStream)
    if (problem !== null) {
      this.clientFault(problem, ERROR_CODE.protocolError)
      return
    }
    if (bytes.length > 0) this.#recorder.requestBody(bytes)
    if (request.push(bytes, flowBytes, endStream)) return
    const text = 'more DATA than the window of the stream (RFC 9113 6.9.1)'
    this.clientFault(text, ERROR_CODE.flowControlError)
  }

  /** A second header list of the client: trailers. */
  clientTrailers({ endStream }: HeadersEvent, fields: HeaderField[] | null): void {
    const { request } = this
    if (request.ended) {
      this.clientFault('HEADERS behind END_STREAM (RFC 9113 5.1)', ERROR_CODE.streamClosed)
      return
    }
    const said = this.#start.head.contentLength
    const problem = trailersFault(fields, endStream, { said, received: request.received })
    if (problem === null) request.end(fields)
    else this.clientFault(problem, ERROR_CODE.protocolError)
  }

  clientReset(code: number): void {
    this.#abandon(`client: RST_STREAM ${nameOfCode(code)}`, code)
  }

  /** The client has ended its connection, or broken it. */
  clientGone(reason: string): void {
    this.#abandon(`client: ${reason}`, ERROR_CODE.cancel)
  }

  /** The client has broken a rule that costs it this stream. */
  clientFault(problem: string, code: number): void {
    this.#failure ??= { code: 'bad-request', message: problem }
    this.#resetUpstream(ERROR_CODE.cancel)
    this.#resetClient(code)
    this.#finish()
    this.#client.countEarly()
  }

  upstreamHeaders({ block, endStream }: HeadersEvent, fields: HeaderField[] | null): void {
    this.#responseBytes += FRAME_HEADER_BYTES + block.length
    if (this.response.ended) this.#afterEnd()
    else if (fields === null) this.badResponse(LIST_TOO_LONG)
    else if (this.isAnswered) this.#takeTrailers(fields, endStream)
    else this.#takeHead(fields, endStream)
  }

  upstreamBody({ bytes, flowBytes, endStream }: DataEvent): void {
    const { response } = this
    this.#responseBytes += FRAME_HEADER_BYTES + flowBytes
    if (response.ended) {
      this.#afterEnd()
      return
    }
    if (!this.isAnswered) {
      this.badResponse('DATA before the head of the answer (RFC 9113 8.1)')
      return
    }
    const length = response.received + bytes.length
    const problem = lengthProblem(this.#responseLength, length, endStream)
    if (problem !== null) {
      this.badResponse(problem)
      return
    }
    if (bytes.length > 0) this.#recorder.responseBody(bytes)
    if (response.push(bytes, flowBytes, endStream)) return
    const text = 'more DATA than the window of the stream (RFC 9113 6.9.1)'
    this.badResponse(text, ERROR_CODE.flowControlError)
  }

  upstreamReset(code: number): void {
    if (code === ERROR_CODE.refusedStream && this.#retry()) return
    this.#forgetUpstream()
    if (this.response.ended) {
      this.#stopRequest(code)
      return
    }
    const failure = this.#failed('upstream-reset', `RST_STREAM ${nameOfCode(code)}`)
    this.#cutOff(failure, code)
  }

  /** The server goes and has not looked at this stream. */
  upstreamRefused(why: string): void {
    if (this.#retry()) return
    this.#forgetUpstream()
    const failure = this.#failed('upstream-closed', `${why} before it took the request`)
    if (this.response.ended) this.#stopRequest(ERROR_CODE.noError)
    else this.#cutOff(failure, ERROR_CODE.refusedStream)
  }

  /** @param again it may be tried again, as nothing has come from the server, which may still have read all */
  upstreamGone(code: ErrorCode, reason: string, again: boolean): void {
    const isHarmless = code === 'connect-refused' || IDEMPOTENT.has(this.#start.head.method)
    if (again && isHarmless && this.#retry()) return
    this.#forgetUpstream()
    if (this.response.ended) {
      this.#stopRequest(ERROR_CODE.noError)
      return
    }
    if (this.isAnswered) {
      const failure = this.#failed('upstream-reset', `${reason} in mid-answer`)
      this.#cutOff(failure, ERROR_CODE.internalError)
      return
    }
    const detail = code === 'upstream-closed' ? `${reason} before it had answered` : reason
    this.#answer(code, this.#where(detail))
  }

  /** The server has broken a rule: its stream ends, and the client hears of it. */
  badResponse(problem: string, code: number = ERROR_CODE.protocolError): void {
    if (this.response.ended) {
      this.#afterEnd(code)
      return
    }
    this.#upstream?.wire.sendReset(this.#upstreamId, code)
    this.#forgetUpstream()
    if (!this.isAnswered) {
      this.#answer('bad-response', this.#where(problem))
      return
    }
    this.response.close()
    this.#failure = this.#failed('bad-response', problem)
    this.#resetClient(ERROR_CODE.protocolError)
    this.#finish()
  }

  pipeEnded(pipe: BodyPipe): void {
    if (pipe === this.response && !this.#isClientDone && this.#stopCode >= 0) {
      if (!this.request.ended) this.#resetClient(this.#stopCode)
      this.request.close()
    }
    this.#settle()
  }

  #open(plan: Forward, except: Upstream | null): void {
    const { head, isBodiless } = this.#start
    const upstream = this.#client.upstreams.take(plan, except)
    if (upstream.isClogged) {
      this.#answer('upstream-stuck', this.#where('it does not read its requests'))
      return
    }
    this.#upstream = upstream
    this.requestBytes = 0
    const fields = setFields(head.fields, plan.setHeaders)
    this.#upstreamId = upstream.open(this, fields, isBodiless)
    this.response.comeFrom(upstream.wire, this.#upstreamId)
    if (isBodiless) this.request.endSent = true
    else this.request.connect(upstream.wire, this.#upstreamId)
  }

  /** Sends the request once more, if nothing of its body has left and nothing has come back. */
  #retry(): boolean {
    const plan = this.#plan
    if (plan === null || this.#isRetried || this.isAnswered || this.#hasSentBody) return false
    this.#isRetried = true
    const refusing = this.#upstream
    this.request.disconnect()
    this.#forgetUpstream()
    this.#open(plan, refusing)
    return true
  }

  /** Something behind the head has left, if only its end. */
  get #hasSentBody(): boolean {
    const { sentOn, endSent } = this.request
    return sentOn > 0 || (endSent && !this.#start.isBodiless)
  }

  #takeHead(fields: HeaderField[], endStream: boolean): void {
    const { id, head: request } = this.#start
    const answer = judgeAnswer(fields, endStream, request.method)
    if (answer.kind === 'bad') {
      this.badResponse(answer.problem)
      return
    }
    if (answer.kind === 'final') {
      this.isAnswered = true
      this.#responseLength = answer.bodyBytes
      this.#recorder.responseHead(answer.head)
      if (answer.isTunnel) this.#recorder.tunnel('connect')
    }
    this.#client.wire.sendHeaders(id, fields, endStream)
    if (endStream) this.#endResponse()
  }

  #takeTrailers(fields: HeaderField[], endStream: boolean): void {
    const { received } = this.response
    const problem = trailersFault(fields, endStream, { said: this.#responseLength, received })
    if (problem !== null) {
      this.badResponse(problem)
      return
    }
    this.#recorder.responseTrailers?.(fields.map(({ name, value }) => [name, value]))
    this.response.end(fields)
  }

  /** The answer had no body. */
  #endResponse(): void {
    this.response.ended = true
    this.response.endSent = true
    this.pipeEnded(this.response)
  }

  /** The server goes on after its END_STREAM: the answer stands, its stream ends. */
  #afterEnd(code: number = ERROR_CODE.streamClosed): void {
    this.#resetUpstream(code)
    this.#stopRequest(ERROR_CODE.noError)
  }

  /** The answer is there, and nobody wants the rest of the request. */
  #stopRequest(code: number): void {
    this.request.close()
    this.request.endSent = true
    this.#stopCode = code
    if (this.response.endSent) this.pipeEnded(this.response)
    else this.#settle()
  }

  /** What is missing of the answer will not come: a reset behind what there is of it. */
  #cutOff(failure: Failure, code: number): void {
    this.#failure = failure
    this.#isCutOff = true
    this.request.close()
    this.request.endSent = true
    this.response.resetAfter(code)
  }

  /** Answers in the place of the server. */
  #answer(code: ErrorCode, message: string): void {
    const { id, head } = this.#start
    const answer = ownAnswer(code, message, head)
    this.#failure = { code, message }
    this.isAnswered = true
    this.#recorder.responseHead(answer.head)
    this.request.close()
    this.request.endSent = true
    this.#stopCode = ERROR_CODE.noError
    const { wire } = this.#client
    const body = answer.body ?? EMPTY
    this.#responseBytes = wire.sendHeaders(id, answer.head.fields, answer.body === null)
    if (body.length > 0) {
      this.#responseBytes += FRAME_HEADER_BYTES + body.length
      this.response.push(body, body.length, true)
    } else this.#endResponse()
    // With a reset behind it, that one counts.
    if (answer.body === null && this.request.ended) wire.countReply()
  }

  #abandon(message: string, code: number): void {
    if (!this.response.endSent) this.#failure ??= { code: 'client-closed', message }
    this.#resetUpstream(code)
    if (!this.#isClientDone) this.#client.remove(this.#start.id, false)
    this.#isClientDone = true
    this.#finish()
  }

  #resetUpstream(code: number): void {
    this.#upstream?.wire.sendReset(this.#upstreamId, code)
    this.#forgetUpstream()
  }

  #resetClient(code: number): void {
    if (this.#isClientDone) return
    this.#isClientDone = true
    this.#client.wire.sendReset(this.#start.id, code)
    this.#client.remove(this.#start.id, true)
  }

  #forgetUpstream(): void {
    const upstream = this.#upstream
    this.#upstream = null
    upstream?.remove(this.#upstreamId)
  }

  #settle(): void {
    const { request, response } = this
    if (request.endSent && response.ended) this.#forgetUpstream()
    if (response.endSent && (request.ended || this.#isCutOff) && !this.#isClientDone) {
      this.#isClientDone = true
      this.#client.remove(this.#start.id, this.#isCutOff)
    }
    if (this.#isClientDone && this.#upstream === null) this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.request.close()
    this.response.close()
    this.#recorder.done({
      requestBytes: this.requestBytes + this.request.sentBytes,
      responseBytes: this.#responseBytes,
      error: this.#failure,
    })
  }

  #failed(code: ErrorCode, reason: string): Failure {
    return { code, message: this.#where(reason) }
  }

  #where(reason: string): string {
    const plan = this.#plan
    const at = this.#upstream?.wire.stream.remote ?? plan?.target
    return at === undefined ? reason : `${formatAddress(at)}: ${reason}`
  }
}

const EMPTY = Buffer.alloc(0)
