/** With what an exchange begins: the request, and the connection on which it goes out. */
import type { Address } from '../../core/routing-table.ts'
import type { ExchangeRecorder, HttpVersion } from '../exchange.ts'
import type { ByteStream } from '../stream.ts'
import type { RequestFraming } from './framing.ts'

export interface ExchangeStart {
  method: string
  version: HttpVersion
  framing: RequestFraming
  /** The server is to keep the connection for another request. */
  keepAlive: boolean
  target: Address
  recorder: ExchangeRecorder
  upstream: ByteStream
  /** The connection was open before this request, so its server may just be closing it. */
  reused: boolean
  /** And the client has had an answer over it. */
  known: boolean
}
