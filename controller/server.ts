/** The HTTP server's manners: what it accepts, how it says no, and the headers of every answer. */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { KeyPair } from '../core/authority/certificate.ts'
import type { ErrorAnswer } from '../core/controller-api.ts'
import type { Log } from '../core/log.ts'
import { MAX_BATCH_BYTES } from '../core/trace-record.ts'

/**
 * The viewer loads its own files and calls its own origin, nothing else; recorded text that would
 * get into the page as markup could not run.
 */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const

/** Headers of an answer that is written piece by piece, past the hooks of other answers. */
export function streamHeaders(contentType: string): Record<string, string> {
  return { ...SECURITY_HEADERS, 'content-type': contentType, 'cache-control': 'no-store' }
}

/** A request must have come in within this time (ms): as long as a sidecar waits for the answer, thrice. */
const REQUEST_MS = 30_000

/** An answer that a route gives on purpose. */
export class ApiError extends Error {
  readonly statusCode: number
  readonly code: string

  constructor(statusCode: number, code: string, message: string) {
    super(message)
    this.name = 'ApiError'
    this.statusCode = statusCode
    this.code = code
  }
}

/** @param leaf certificate and key (PEM); with them the server speaks TLS */
export function createServer(log: Log, leaf?: KeyPair): FastifyInstance {
  const app = fastify({
    // The kind of server makes no difference to any route, so the type of the plain one stands for both.
    ...((leaf ? { https: { ...leaf, minVersion: 'TLSv1.2' } } : {}) as object),
    bodyLimit: MAX_BATCH_BYTES,
    requestTimeout: REQUEST_MS,
    // A URL that cannot be decoded fails before any hook; its answer looks like all others.
    frameworkErrors: (error, _request, reply) => {
      const answer: ErrorAnswer = { error: { code: 'bad-request', message: error.message } }
      ;(reply as FastifyReply).code(400).headers(SECURITY_HEADERS).send(answer)
    },
    // What does not fit is refused, never bent into shape or stripped.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  })
  // Only JSON: a page of another origin can send text/plain without asking, but not JSON.
  app.removeContentTypeParser('text/plain')
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS)
  })
  app.setNotFoundHandler(async (request) => {
    throw new ApiError(404, 'not-found', `nothing is at ${request.method} ${request.url}`)
  })
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) {
      log.error({ method: request.method, url: request.url, error: error.stack }, 'request failed')
    }
    reply.code(status)
    return { error: envelopeOf(error, status) } satisfies ErrorAnswer
  })
  return app
}

function envelopeOf(error: FastifyError, status: number): ErrorAnswer['error'] {
  if (error instanceof ApiError) return { code: error.code, message: error.message }
  if (status >= 500) {
    return { code: 'internal', message: 'the controller failed; its log has the cause' }
  }
  if (status === 413) {
    return { code: 'too-large', message: `the body is longer than ${MAX_BATCH_BYTES} bytes` }
  }
  // Fastify's own messages name the field: "body/records/0/traceId must match pattern …".
  return { code: status === 415 ? 'not-json' : 'bad-request', message: error.message }
}
