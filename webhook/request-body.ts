/** Reads what is posted: JSON of a bounded length, and nothing else. */
import type { IncomingMessage } from 'node:http'

/**
 * Longest body, in bytes. etcd takes requests up to 1.5 MiB, a review holds the object at most
 * twice (object and oldObject), and JSON is up to twice as long as the stored protobuf: 6 MiB.
 */
const BODY_LIMIT = 6 * 1024 * 1024

export type BodyResult =
  | { ok: true; value: unknown }
  | {
      ok: false
      /** HTTP status of the answer; null where the client has gone and nobody reads one. */
      status: number | null
      message: string
    }

type Refused = Extract<BodyResult, { ok: false }>

/** Never rejects. What is refused before its end is read on and dropped, by Node, so that its sender sees the answer. */
export async function readBody(request: IncomingMessage): Promise<BodyResult> {
  if (!isJson(request.headers['content-type']))
    return refuse(415, 'the content type is not application/json')
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT) return TOO_LONG
  const bytes = await bytesOf(request)
  if (!bytes.ok) return bytes
  try {
    return { ok: true, value: JSON.parse(bytes.text) }
  } catch (error) {
    const message = `the body is not JSON: ${(error as Error).message}`
    return refuse(400, message)
  }
}

/** Parameters such as `charset=utf-8` may follow; JSON is UTF-8 whatever they say (RFC 8259 section 8.1). */
function isJson(contentType = ''): boolean {
  const [type = ''] = contentType.split(';', 1)
  return type.trim().toLowerCase() === 'application/json'
}

type BytesResult = { ok: true; text: string } | Refused

/** Listeners rather than `for await`, which makes ten promises for a body that comes in one piece. */
function bytesOf(request: IncomingMessage): Promise<BytesResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      // Of a length that was not told before.
      if (length > BODY_LIMIT) resolve(TOO_LONG)
      else chunks.push(chunk)
    })
    request.on('end', () => {
      const [first] = chunks
      const whole = first && chunks.length === 1 ? first : Buffer.concat(chunks)
      resolve({ ok: true, text: whole.toString('utf8') })
    })
    request.on('error', ({ message }) => resolve(refuse(null, message)))
    // After an end it changes nothing.
    request.on('close', () => resolve(refuse(null, 'the client has gone')))
  })
}

function refuse(status: number | null, message: string): Refused {
  return { ok: false, status, message }
}

const TOO_LONG = refuse(413, `the body is longer than ${BODY_LIMIT} bytes`)
