/** Answers that the sidecar makes itself on a stream: marked, and in the manner that the client reads. */
import { ERROR, type ErrorCode } from '../../core/errors.ts'
import { HEADER } from '../../core/names.ts'
import { type HeaderField, makeField } from './field.ts'
import { type Http2RequestHead, type Http2ResponseHead, responseHead } from './header-rules.ts'

export interface OwnAnswer {
  head: Http2ResponseHead
  /** Null where the head says all. */
  body: Buffer | null
}

/** What gRPC calls each kind of failure (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const GRPC_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  'bad-request': 13,
  'head-too-large': 8,
  'bad-response': 13,
  'unknown-host': 12,
  'too-many-hops': 9,
  loop: 9,
}
/** A failure that may be over when the call is made again. */
const UNAVAILABLE = 14

/**
 * | request                          | answer                                                                  |
 * |----------------------------------|-------------------------------------------------------------------------|
 * | `content-type: application/grpc` | 200 with `grpc-status` and `grpc-message`, no body ("trailers only")     |
 * | HEAD                             | the status of the error                                                 |
 * | any other                        | the status of the error, the message as text                            |
 *
 * @param head null where the request could not be read
 */
export function ownAnswer(
  code: ErrorCode,
  message: string,
  head: Http2RequestHead | null,
): OwnAnswer {
  const { status, next } = ERROR[code]
  if (isGrpc(head)) return { head: grpcHead(code, message), body: null }
  const body = Buffer.from(`${code}: ${message}\n${next}\n`)
  const fields = [
    // Codes without a status give 502, as in HTTP/1.
    makeField(':status', String(status ?? 502)),
    makeField(HEADER.proxyError, code),
    makeField('content-type', 'text/plain; charset=utf-8'),
    makeField('content-length', String(body.length)),
  ]
  return { head: sound(fields), body: head?.method === 'HEAD' ? null : body }
}

function isGrpc(head: Http2RequestHead | null): boolean {
  return head?.header('content-type')?.startsWith('application/grpc') ?? false
}

function grpcHead(code: ErrorCode, message: string): Http2ResponseHead {
  const fields: HeaderField[] = [
    makeField(':status', '200'),
    makeField('content-type', 'application/grpc'),
    makeField('grpc-status', String(GRPC_STATUS[code] ?? UNAVAILABLE)),
    makeField('grpc-message', percentEncoded(`${code}: ${message}`)),
    makeField(HEADER.proxyError, code),
  ]
  return sound(fields)
}

function sound(fields: HeaderField[]): Http2ResponseHead {
  const head = responseHead(fields)
  if (head.kind === 'malformed') throw new Error(`an answer of ours is malformed: ${head.problem}`)
  return head
}

/** gRPC's encoding of messages: visible ASCII and blanks but for `%`, the rest as UTF-8 in hex. */
function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) => {
    let encoded = ''
    for (const byte of Buffer.from(part)) {
      encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    }
    return encoded
  })
}
