/** The HTTPS server: `/mutate` for the API server, the rest for the kubelet and `azds doctor`. */
import type { Server } from 'node:https'
import Fastify, { type FastifyInstance } from 'fastify'
import type { KeyPair } from '../core/authority/certificate.ts'
import type { Readiness } from '../core/lifecycle.ts'
import type { Admit } from './admit.ts'
import type { Metrics } from './metrics.ts'

export type WebhookServer = FastifyInstance<Server>

export interface ServerParts {
  /** PEM texts of the first certificate; it is replaced while the server runs. */
  certificate: KeyPair
  admit: Admit
  metrics: Metrics
  readiness: Readiness
  /** When the certificate that is shown ends. */
  certificateEnds: () => Date
}

/**
 * Longest body, in bytes. etcd takes requests up to 1.5 MiB, a review holds the object at most
 * twice (object and oldObject), and JSON is up to twice as long as the stored protobuf: 6 MiB.
 */
const BODY_LIMIT = 6 * 1024 * 1024

/**
 * An idle connection is kept for this time (ms). API servers keep theirs for 90 s; closing earlier
 * would race with a request that is just being sent.
 */
const KEEP_ALIVE_MS = 120_000

/** A request must have come in within this time (ms): the API server's longest time-out is 30 s. */
const REQUEST_MS = 30_000

export function createServer({
  certificate,
  admit,
  metrics,
  readiness,
  certificateEnds,
}: ServerParts): WebhookServer {
  const app = Fastify({
    https: { cert: certificate.cert, key: certificate.key, minVersion: 'TLSv1.2' },
    bodyLimit: BODY_LIMIT,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    // The admission writes its own line, with what was decided.
    logger: false,
  })
  readJsonOnly(app)
  closeConnectionsWhileDraining(app, readiness)
  // Bodies that never become a review: no JSON, too long, another content type.
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const code = error.statusCode ?? 500
    metrics.admission('malformed', `http-${code}`, reply.elapsedTime / 1000)
    reply.code(code).send({ error: error.message })
  })

  app.post('/mutate', async (request, reply) => {
    const admission = await admit(request.body)
    if (admission.status === 200) return admission.answer
    return reply.code(admission.status).send({ error: admission.message })
  })
  app.get('/healthz', async () => ({ live: true, certificateEnds: certificateEnds() }))
  app.get('/readyz', async (_request, reply) => {
    const { ready, waitingFor } = readiness.state
    return reply.code(ready ? 200 : 503).send({ ready, waitingFor })
  })
  return app
}

/** Any other content type is answered with 415, and no reader but JSON's own touches the body. */
function readJsonOnly(app: WebhookServer): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)))
    } catch (error) {
      const message = `the body is not JSON: ${(error as Error).message}`
      done(Object.assign(new Error(message, { cause: error }), { statusCode: 400 }))
    }
  })
}

/** An API server would otherwise hold on to the connection of a replica that is about to go. */
function closeConnectionsWhileDraining(app: WebhookServer, readiness: Readiness): void {
  app.addHook('onSend', async (_request, reply) => {
    if (readiness.state.waitingFor.includes('drain')) reply.header('connection', 'close')
  })
}
