/** What becomes of an exchange whose server is gone before the end of its answer. */
import type { ErrorCode } from '../../core/errors.ts'

export interface LostUpstream {
  /** Null after FIN. */
  error: NodeJS.ErrnoException | null
  /** Bytes that have come from it, interim answers included. */
  bytes: number
  /** The head of its final answer has come. */
  answering: boolean
  /** The request may be sent once more (`isRepeatable`), and there was a connection before it. */
  mayRetry: boolean
  /** The client has had an answer over the same two connections. */
  known: boolean
  /** The client's FIN has been passed on; `cutShort` if it came in the middle of the request. */
  finSent: boolean
  cutShort: boolean
}

export type Loss =
  | { kind: 'retry' }
  /** The client has an answer of ours as its last. */
  | { kind: 'fail'; code: ErrorCode; reason: string }
  /** The client's connection ends as the server's did, by FIN or RST, and nothing is made up. */
  | { kind: 'likewise'; code: ErrorCode; reason: string }

/**
 * First row that fits:
 *
 * | what has gone before                        | then                                                |
 * |---------------------------------------------|-----------------------------------------------------|
 * | there was no connection                     | 502 or 504 with the errno                           |
 * | an answer has begun                         | the client sees what the server did                 |
 * | no byte, a kept connection, repeatable      | the request is sent once more                       |
 * | the client's FIN in the middle of a request | the same                                            |
 * | the client's FIN, then the server's         | the same: nobody waits for an answer                |
 * | no byte, a connection that the client knows | the same: it must decide if it may send that again  |
 * | anything else                               | 502                                                 |
 *
 * FIN in the middle of an answer says as much as RST, since the answer's length or its last chunk is
 * missing; and unlike RST it costs the client nothing of what came before.
 *
 * The last row but one is a request that may not be sent twice, such as a POST, which has met a server
 * that was just closing an idle connection. On a direct connection its client would see that, and HTTP
 * libraries send such a request again where they know it to be harmless (RFC 9112 9.3.1). A 502 would
 * be an answer, and take that from them. On a client's first request a direct connection would not be closed
 * for being idle: there the reason in a 502 is worth more.
 */
export function decideLoss(lost: LostUpstream): Loss {
  const { error, bytes, answering, mayRetry, known, finSent, cutShort } = lost
  const errno = error?.code ?? 'closed'
  if (error?.syscall === 'connect') {
    return { kind: 'fail', code: CONNECT_CODE[errno] ?? 'connect-failed', reason: errno }
  }
  if (answering) {
    return { kind: 'likewise', code: 'upstream-reset', reason: `${errno} in mid-answer` }
  }
  if (mayRetry && bytes === 0) return { kind: 'retry' }
  if (cutShort) {
    const reason = 'the client closed in the middle of the request'
    return { kind: 'likewise', code: 'client-closed', reason }
  }
  if (finSent && error === null) {
    const reason = 'the client sent FIN, on which the server closed too'
    return { kind: 'likewise', code: 'client-closed', reason }
  }
  if (known && bytes === 0) {
    const reason = `${errno} as a request came that may not be sent twice`
    return { kind: 'likewise', code: 'upstream-left', reason }
  }
  return { kind: 'fail', code: 'upstream-closed', reason: `${errno} before it had answered` }
}

const CONNECT_CODE: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
}
