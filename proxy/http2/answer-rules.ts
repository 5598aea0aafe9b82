/** What a header list means in its place in a message: head, interim head or trailers. Pure. */
import type { HeaderField } from './field.ts'
import {
  type Http2ResponseHead,
  lengthProblem,
  responseHead,
  trailersProblem,
} from './header-rules.ts'

/** Says so where a list was longer than was announced. */
export const LIST_TOO_LONG = 'a header list longer than 65536 bytes (RFC 9113 10.5.1)'

export type AnswerHead =
  | { kind: 'bad'; problem: string }
  | { kind: 'interim' }
  | {
      kind: 'final'
      head: Http2ResponseHead
      /** Bytes that the body must have; null for any number. */
      bodyBytes: number | null
      isTunnel: boolean
    }

/**
 * Judges a head of an answer, which may be followed by others while it is interim.
 *
 * | answer                          | bytes of its body          |
 * |---------------------------------|----------------------------|
 * | to HEAD, or with 204 or 304     | none, whatever it says     |
 * | to CONNECT with 2xx             | any: it is a tunnel        |
 * | any other                       | Content-Length, or any     |
 */
export function judgeAnswer(
  fields: readonly HeaderField[],
  endStream: boolean,
  method: string,
): AnswerHead {
  const head = responseHead(fields)
  if (head.kind === 'malformed') return { kind: 'bad', problem: head.problem }
  if (head.isInterim) {
    if (!endStream) return { kind: 'interim' }
    return { kind: 'bad', problem: 'an interim answer with END_STREAM (RFC 9113 8.1)' }
  }
  const isTunnel = method === 'CONNECT' && head.status < 300
  const isBodiless = method === 'HEAD' || head.status === 304 || head.status === 204
  const bodyBytes = isBodiless ? 0 : isTunnel ? null : head.contentLength
  const problem = endStream ? lengthProblem(bodyBytes, 0, true) : null
  if (problem !== null) return { kind: 'bad', problem }
  return { kind: 'final', head, bodyBytes, isTunnel }
}

/**
 * What is wrong with a header list behind a body; null if nothing is.
 * @param fields null for a list that is too long
 */
export function trailersFault(
  fields: readonly HeaderField[] | null,
  endStream: boolean,
  body: { said: number | null; received: number },
): string | null {
  if (fields === null) return LIST_TOO_LONG
  if (!endStream) return 'trailers without END_STREAM (RFC 9113 8.1)'
  return trailersProblem(fields) ?? lengthProblem(body.said, body.received, true)
}
