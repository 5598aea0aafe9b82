/** Reads a request head and finds out how long its message is, or what is wrong with it. */
import type { ErrorCode } from '../../core/errors.ts'
import { type RequestFraming, requestFraming } from './framing.ts'
import { ParsedRequestHead } from './head.ts'
import { MAX_HEAD_BYTES } from './head-limit.ts'
import type { HeadReader } from './head-reader.ts'
import { learnRequest } from './known-heads.ts'

/** A valid request. */
export interface ReadRequest {
  readonly kind: 'read'
  readonly head: ParsedRequestHead
  readonly framing: RequestFraming
  /** Where in the chunk that was read last the bytes after the head begin. */
  readonly next: number
}

/** A request that gets no further. */
export interface UnreadableRequest {
  readonly kind: 'bad'
  readonly code: ErrorCode
  readonly message: string
  readonly requestBytes: number
  /** Null where it is not known. */
  readonly method: string | null
}

/** Reads `chunk`, what came before it being in `heads`; null if the head is not complete by that. */
export function readRequest(
  heads: HeadReader,
  chunk: Buffer,
): ReadRequest | UnreadableRequest | null {
  const result = heads.read(chunk, 0)
  if (result === 'more') return null
  if (result !== 'done') {
    const requestBytes = heads.pending || chunk.length
    return result === 'too-large'
      ? bad('head-too-large', TOO_LONG, requestBytes, null)
      : bad('bad-request', heads.scanner.problem, requestBytes, null)
  }
  const { buffer, base, next, scanner } = heads
  const head = new ParsedRequestHead(buffer, base, scanner)
  const framing = requestFraming(head)
  if (framing.kind === 'bad') return bad('bad-request', framing.problem, head.length, head.method)
  const request: ReadRequest = { kind: 'read', head, framing, next }
  learnRequest(chunk, request)
  return request
}

const TOO_LONG = `the request head is longer than ${MAX_HEAD_BYTES} bytes`

function bad(
  code: ErrorCode,
  message: string,
  requestBytes: number,
  method: string | null,
): UnreadableRequest {
  return { kind: 'bad', code, message, requestBytes, method }
}
