/** The HTTPS server: `/mutate` for the API server, the rest for the kubelet and `azds doctor`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer, type Server, type ServerOptions } from 'node:https'
import type { KeyPair } from '../core/authority/certificate.ts'
import type { Readiness } from '../core/lifecycle.ts'
import type { Admit } from './admit.ts'
import { type RoomFor, roomForBodies } from './body-room.ts'
import type { Metrics } from './metrics.ts'
import { readBody } from './request-body.ts'

export interface ServerParts {
  /** PEM texts of the first certificate; it is replaced while the server runs. */
  certificate: KeyPair
  admit: Admit
  metrics: Metrics
  readiness: Readiness
  /** When the certificate that is shown ends. */
  certificateEnds: () => Date
  /** Milliseconds, of a clock that never goes back. */
  now: () => number
}

/**
 * An idle connection is kept for this time (ms). API servers keep theirs for 90 s; closing earlier
 * would race with a request that is just being sent.
 */
const KEEP_ALIVE_MS = 120_000

/** A request must have come in within this time (ms): the API server's longest time-out is 30 s. */
const REQUEST_MS = 30_000

/** And so much of it (ms), each of which an API server sends at once: the handshake, and the head. */
const BEGIN_MS = 10_000

/** How often Node looks for connections that are past their time (ms). */
const CHECK_MS = 5000

/** Longest head (bytes). API servers' have 300. */
const MAX_HEAD = 4096

interface Answer {
  status: number
  body: unknown
}

/**
 * Node's own server, for three paths: a framework's was a fifth of all that a review costs, and 10 MB of memory, which
 * is more than the copies of 10,000 namespaces.
 */
export function createServer(parts: ServerParts): Server {
  const { certificate, readiness } = parts
  const options: ServerOptions = {
    ...{ cert: certificate.cert, key: certificate.key, minVersion: 'TLSv1.2' },
    ...{ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS },
    ...{
      handshakeTimeout: BEGIN_MS,
      headersTimeout: BEGIN_MS,
      connectionsCheckingInterval: CHECK_MS,
    },
    maxHeaderSize: MAX_HEAD,
  }
  const roomFor = roomForBodies()
  const server = createHttpsServer(options, (request, response) => {
    answerTo(request, parts, roomFor).then(
      (answer) => answer && send(response, answer, readiness),
      // A fault of ours that is no admission's: those are told in their answers.
      (error: Error) => send(response, { status: 500, body: { error: error.message } }, readiness),
    )
  })
  // Nor is one kept whose client does not read its answers.
  server.setTimeout(KEEP_ALIVE_MS)
  return server
}

/** Null where there is nobody left to answer. */
async function answerTo(
  request: IncomingMessage,
  parts: ServerParts,
  roomFor: RoomFor,
): Promise<Answer | null> {
  const { method = '', url = '' } = request
  const [path = ''] = url.split('?', 1)
  if (method === 'POST' && path === '/mutate') return mutate(request, parts, roomFor)
  const isRead = method === 'GET' || method === 'HEAD'
  if (isRead && path === '/healthz')
    return { status: 200, body: { live: true, certificateEnds: parts.certificateEnds() } }
  if (isRead && path === '/readyz') {
    const { ready, waitingFor } = parts.readiness.state
    return { status: ready ? 200 : 503, body: { ready, waitingFor } }
  }
  return { status: 404, body: { error: `there is no ${method} ${path}` } }
}

async function mutate(
  request: IncomingMessage,
  parts: ServerParts,
  roomFor: RoomFor,
): Promise<Answer | null> {
  const { admit, metrics, now } = parts
  const start = now()
  const room = roomFor(request.socket.remoteAddress ?? '')
  try {
    const read = await readBody(request, room)
    if (!read.ok) {
      const { status, message } = read
      if (status === null) return null
      metrics.admission('malformed', `http-${status}`, (now() - start) / 1000)
      return { status, body: { error: message } }
    }
    const admission = await admit(read.value, room.lost)
    if (admission.status === 200) return { status: 200, body: admission.answer }
    return { status: admission.status, body: { error: admission.message } }
  } finally {
    room.share.release()
  }
}

/**
 * Whoever drains asks to be left: an API server would otherwise hold on to the connection of a replica that is about
 * to go.
 */
function send(response: ServerResponse, answer: Answer, readiness: Readiness): void {
  const text = JSON.stringify(answer.body)
  const leaves = readiness.state.waitingFor.includes('drain')
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...(leaves && { connection: 'close' }),
  })
  response.end(text)
}
