/** The whole body of a request. */
import type { Readable } from 'node:stream'

/** Null where the client has not sent it to its end. */
export async function readBody(request: Readable): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer)
  } catch {
    return null
  }
  return Buffer.concat(chunks)
}
