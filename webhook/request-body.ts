/** Reads what is posted: JSON of bounded length and weight, and nothing else. */
import type { IncomingMessage } from 'node:http'
import type { BodyRoom } from './body-room.ts'

/**
 * Longest body, in bytes. etcd takes requests up to 1.5 MiB, a review holds the object at most
 * twice (object and oldObject), and JSON is up to twice as long as the stored protobuf: 6 MiB.
 */
const BODY_LIMIT = 6 * 1024 * 1024

/**
 * Heaviest body (bytes of memory). The longest review of a pod that etcd takes is 3 MiB and has room for 150,000 values
 * beside that; without this bound 6 MiB of `[{},{},…` would take 130 MB, which is all that V8 has in the container.
 */
const WEIGHT_LIMIT = 16_000_000

/** What JSON of three characters becomes: an empty object and its place in a list (bytes). */
const VALUE_WEIGHT = 64

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
export async function readBody(request: IncomingMessage, room: BodyRoom): Promise<BodyResult> {
  if (!isJson(request.headers['content-type']))
    return refuse(415, 'the content type is not application/json')
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT) return TOO_LONG
  const read = await bytesOf(request, room)
  if (!read.ok) return read
  const { bytes } = read
  const weight = weightOf(bytes)
  if (weight > WEIGHT_LIMIT) return TOO_HEAVY
  if (!room.share.grow(weight - bytes.length)) return TOO_MANY
  try {
    return { ok: true, value: JSON.parse(bytes.toString('utf8')) }
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

type BytesResult = { ok: true; bytes: Buffer } | Refused

/** Listeners rather than `for await`, which makes ten promises for a body that comes in one piece. */
function bytesOf(request: IncomingMessage, { share, lost }: BodyRoom): Promise<BytesResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const stop = (refused: Refused) => {
      chunks.length = 0
      resolve(refused)
    }
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      // Of a length that was not told before.
      if (length > BODY_LIMIT) stop(TOO_LONG)
      else if (share.grow(chunk.length)) chunks.push(chunk)
      else stop(TOO_MANY)
    })
    request.on('end', () => {
      const [first] = chunks
      resolve({ ok: true, bytes: first && chunks.length === 1 ? first : Buffer.concat(chunks) })
    })
    void lost.then(() => stop(TOO_MANY))
    request.on('error', ({ message }) => resolve(refuse(null, message)))
    // After an end it changes nothing.
    request.on('close', () => resolve(refuse(null, 'the client has gone')))
  })
}

/** 1 for what may begin a value: comma and opening brackets. */
const BEGINS = new Uint8Array(256)
for (const character of ',[{') BEGINS[character.charCodeAt(0)] = 1

/**
 * What a body takes at most once it is parsed (bytes): its text, its strings, and its values, of which it has no more
 * than characters that may begin one. 5 µs for a usual pod.
 */
export function weightOf(bytes: Uint8Array): number {
  let values = 0
  for (let index = 0; index < bytes.length; index += 1) values += BEGINS[bytes[index] ?? 0] ?? 0
  return 2 * bytes.length + VALUE_WEIGHT * values
}

function refuse(status: number | null, message: string): Refused {
  return { ok: false, status, message }
}

const TOO_LONG = refuse(413, `the body is longer than ${BODY_LIMIT} bytes`)
const TOO_HEAVY = refuse(413, 'the body has more values than a pod can have')
const TOO_MANY = refuse(503, 'too much is being asked at once: try again')
