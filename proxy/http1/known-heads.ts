/**
 * Remembers the heads of chunks that others have too (`../known-chunks.ts`): the next time the same buffer comes, it
 * is neither read nor checked again. What is done with a request is decided anew each time.
 */
import { isShared } from '../known-chunks.ts'
import type { ParsedResponseHead } from './head.ts'
import type { ReadRequest } from './read-request.ts'

const requests = new WeakMap<Buffer, ReadRequest>()
const answers = new WeakMap<Buffer, ParsedResponseHead>()

/** The request that this chunk is, from its first byte to its last; undefined if that is not known. */
export function knownRequest(chunk: Buffer): ReadRequest | undefined {
  return requests.get(chunk)
}

/** Remembers a request that was read from `chunk`, if that is all of it and no body is to come. */
export function learnRequest(chunk: Buffer, request: ReadRequest): void {
  const { head, framing } = request
  if (head.buffer !== chunk || head.length !== chunk.length || framing.length !== 0) return
  if (isShared(chunk)) requests.set(chunk, request)
}

/** The head with which this chunk begins, of an answer that is no interim one; undefined if that is not known. */
export function knownAnswer(chunk: Buffer): ParsedResponseHead | undefined {
  return answers.get(chunk)
}

/** Remembers the head of an answer that was read from `chunk`, if it is at the beginning. */
export function learnAnswer(chunk: Buffer, head: ParsedResponseHead): void {
  if (head.buffer === chunk && head.from === 0 && isShared(chunk)) answers.set(chunk, head)
}
