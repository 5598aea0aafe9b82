/** Reads the whole answer of a server behind this one, of which nobody knows how much it says. */
import type { ClientRequest, IncomingMessage } from 'node:http'

export interface WholeAnswer {
  status: number | undefined
  body: string
}

/**
 * Resolves with the answer once it has ended; rejects if it breaks off.
 * @param most bytes of body; one that is longer fails the request with a sentence
 */
export function readAnswer(
  request: ClientRequest,
  response: IncomingMessage,
  most: number,
): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      chunks.push(chunk)
      if (size > most) request.destroy(new Error('the answer is too long'))
    })
    response.on('error', reject)
    response.on('end', () => {
      resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString('utf8') })
    })
  })
}
