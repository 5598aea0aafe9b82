/** Reads a request's body: JSON, YAML or protobuf, bounded. */
import type { IncomingMessage } from 'node:http'
import { parse as parseYaml } from 'yaml'
import { ApiError, badRequest, unsupportedMediaType } from './api-error.ts'
import { PROTOBUF, readProtobuf } from './protobuf.ts'

/** Longest body, in bytes: the limit of a real API server. */
const MAX_BYTES = 3 * 1024 * 1024

/** The body's value; undefined if it is empty. Throws 400, 413 or 415. */
export async function readBody(request: IncomingMessage, mediaType: string): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) {
      throw new ApiError(413, 'RequestEntityTooLarge', `the body is larger than ${MAX_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  const bytes = Buffer.concat(chunks)
  const text = bytes.toString('utf8')
  try {
    if (mediaType === PROTOBUF) return readProtobuf(bytes)
    if (mediaType.endsWith('yaml')) return parseYaml(text)
    if (mediaType.endsWith('json') || mediaType === '') return JSON.parse(text)
  } catch (error) {
    throw badRequest(`the body cannot be read as ${mediaType}: ${(error as Error).message}`)
  }
  throw unsupportedMediaType(mediaType)
}

/** `Content-Type` without its parameters, in lower case. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}
