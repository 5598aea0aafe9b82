/** How an exchange ends: what its client, its server and its record are told then. */
import type { ErrorCode } from '../../core/errors.ts'
import { formatAddress } from '../../core/routing-table.ts'
import { type ByteStream, DEAF } from '../stream.ts'
import type { ClientSide } from './client-side.ts'
import type { ExchangeStart } from './exchange-start.ts'
import { ownAnswer } from './own-answer.ts'

export abstract class ExchangeEnd {
  /** The whole request has been read. */
  requestDone = false
  protected readonly client: ClientSide
  protected readonly begun: ExchangeStart
  protected upstream: ByteStream
  protected over = false
  /** After the answer the server's connection may carry another exchange. */
  protected reusable = false
  /** The client's FIN has been passed on. */
  protected finSent = false
  /** That FIN came in the middle of the request. */
  protected cutShort = false
  protected requestBytes = 0
  protected responseBytes = 0
  /** The head of the answer came in this turn. */
  protected atOnce = false

  constructor(client: ClientSide, begun: ExchangeStart) {
    this.client = client
    this.begun = begun
    this.upstream = begun.upstream
  }

  /** The head of the final answer has been sent on: what is said to the client from then on is its body. */
  protected abstract get answering(): boolean

  /** Nothing more is to come from the client that could be sent on. */
  protected requestOver(): boolean {
    return this.requestDone || this.cutShort
  }

  /** Both halves are complete. */
  protected finish(): void {
    this.over = true
    const reason = 'client: closed in the middle of the request'
    this.done(this.cutShort ? { code: 'client-closed', message: reason } : null)
    this.client.finished(this.upstream, this.reusable && this.requestDone && !this.finSent)
  }

  /** Ends the exchange by an answer of ours, or by RST once an answer has begun. */
  protected fail(code: ErrorCode, reason: string): void {
    this.over = true
    this.upstream.listen(DEAF)
    this.upstream.reset()
    const message = code === 'bad-request' ? reason : this.where(reason)
    if (this.answering) this.client.resetClient()
    else {
      const answer = ownAnswer(code, message, this.begun.method)
      this.responseBytes = answer.bytes.length
      this.begun.recorder.responseHead(answer.head)
      this.client.send(answer.bytes)
    }
    this.done({ code, message })
    this.client.failed()
  }

  /** The client has gone: so must the upstream, which else would go on working for nobody. */
  protected abandon(reason: string): void {
    this.upstream.reset()
    this.giveUp('client-closed', `client: ${reason}`)
  }

  /** Nothing is made up: both connections end as they do. */
  protected giveUp(code: ErrorCode, message: string): void {
    this.over = true
    this.upstream.listen(DEAF)
    this.done({ code, message })
    this.client.failed()
  }

  protected done(error: { code: ErrorCode; message: string } | null): void {
    const { requestBytes, responseBytes, atOnce } = this
    this.begun.recorder.done({ requestBytes, responseBytes, atOnce, error })
  }

  /** The reason with the server's address before it. */
  protected where(reason: string): string {
    return `${formatAddress(this.begun.target)}: ${reason}`
  }
}
