/** The HTTPS server of the aggregated API: who asks, may she, and then the controller's answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { KeyPair } from '../../core/authority/certificate.ts'
import type { Readiness } from '../../core/lifecycle.ts'
import type { Log } from '../../core/log.ts'
import { type Status, withParameters } from '../../core/trace-resource.ts'
import { bearerTokenOf, type UserInfo } from '../auth/caller.ts'
import type { ReviewToken } from '../auth/token-review.ts'
import { StatusError, statusOf } from '../resources/status.ts'
import type { Attributes, ReviewAccess } from './access-review.ts'
import { discoveryOf } from './discovery.ts'
import type { Forward } from './forward.ts'
import { type FrontProxy, faultOfPeer, proxiedUser } from './front-proxy.ts'
import { type ApiRequest, apiRequestOf, describeDenial, isServed } from './request.ts'

export interface ApiServerParts {
  leaf: KeyPair
  /** How the API server is known; null while that is not. */
  frontProxy: () => FrontProxy | null
  /** Whose a token is that somebody shows who comes past the API server. */
  reviewToken: ReviewToken
  reviewAccess: ReviewAccess
  forward: Forward
  readiness: Readiness
  metrics: { contentType: string; text: () => Promise<string> }
  /** Told of each answer to a request for objects. */
  onAnswer: (verb: string, resource: string, code: number) => void
  /** Wall clock. */
  now: () => Date
  log: Log
}

/** API servers keep idle connections for 90 s; closing earlier would race with a request (ms). */
const KEEP_ALIVE_MS = 120_000
/** A request must have come in within this time (ms): none that we serve has a body. */
const REQUEST_MS = 30_000
/** And so much of it (ms), each of which an API server sends at once: the handshake, and the head. */
const BEGIN_MS = 10_000

export function createApiServer(parts: ApiServerParts): Server {
  const { leaf, log } = parts
  return createServer(
    {
      ...leaf,
      minVersion: 'TLSv1.2',
      // Asked for, not demanded: curl shows a token in place of it. Whose it is, is looked at per request.
      requestCert: true,
      rejectUnauthorized: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_MS,
      handshakeTimeout: BEGIN_MS,
      headersTimeout: BEGIN_MS,
    },
    (request, response) => {
      // No path takes a body; what comes all the same must not block the connection.
      request.resume()
      answer(parts, request, response).catch((error: Error) => {
        if (error instanceof StatusError) return refuse(response, error.status)
        log.error({ path: request.url, error: error.stack }, 'request failed')
        refuse(response, statusOf('InternalError', 'azds-api failed; its log has the cause'))
      })
    },
  )
}

async function answer(
  parts: ApiServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request
  const { readiness } = parts
  // API servers must not hold on to a replica that is about to go.
  if (readiness.state.waitingFor.includes('drain')) response.setHeader('connection', 'close')
  const asked = apiRequestOf(method, url)
  if (asked.kind === 'path' && ['/healthz', '/livez', '/readyz'].includes(asked.path)) {
    const { state } = readiness
    return send(response, asked.path === '/readyz' && !state.ready ? 503 : 200, state)
  }
  const user = await signIn(parts, request)
  if (asked.kind === 'path') return answerPath(parts, asked, user, { response, headers })
  await allow(parts, user, { resource: asked.attributes })
  const { resource, verb } = asked.attributes
  const done = (status: Status) => {
    parts.onAnswer(verb, resource, status.code)
    refuse(response, status)
  }
  if (!isServed(asked)) return done(pathNotFound(asked.path))
  if (method !== 'GET') {
    const message = `${resource} are read only: ${verb} is not there`
    return done(statusOf('MethodNotAllowed', message))
  }
  const target = withParameters(asked.path, asked.parameters)
  const refusal = await parts.forward(target, headers.accept, response)
  if (refusal) done(refusal)
  else parts.onAnswer(verb, resource, response.statusCode)
}

async function answerPath(
  parts: ApiServerParts,
  { path, verb }: Extract<ApiRequest, { kind: 'path' }>,
  user: UserInfo,
  { response, headers }: { response: ServerResponse; headers: IncomingMessage['headers'] },
): Promise<void> {
  if (verb !== 'get') throw new StatusError(statusOf('MethodNotAllowed', `${path} is read only`))
  if (path === '/metrics') {
    await allow(parts, user, { path, verb })
    const { contentType, text } = parts.metrics
    response.writeHead(200, { 'content-type': contentType }).end(await text())
    return
  }
  // What there is, is told to everybody who has signed in: kubectl could not work otherwise.
  const document = discoveryOf(path, headers.accept)
  if (!document) throw new StatusError(pathNotFound(path))
  send(response, 200, document.body, document.contentType)
}

/** @throws StatusError 401 or 503 */
async function signIn(
  { frontProxy, reviewToken, now, log }: ApiServerParts,
  request: IncomingMessage,
): Promise<UserInfo> {
  const socket = request.socket as TLSSocket
  const proxy = frontProxy()
  const certificate = socket.getPeerX509Certificate()
  const fault = faultOfPeer({ authorized: socket.authorized, certificate }, proxy, now())
  if (fault === null && proxy) {
    const user = proxiedUser(request.headersDistinct, proxy)
    if (user) return user
  }
  const token = bearerTokenOf(request.headers.authorization)
  if (token !== null) {
    const review = await reviewToken(token, socket.remoteAddress)
    if (review.outcome === 'user') return review.user
    if (review.outcome === 'unknown') {
      throw new StatusError(statusOf('ServiceUnavailable', review.message))
    }
  }
  if (certificate && fault !== null) log.warn({ fault }, 'a client certificate does not count')
  throw new StatusError(statusOf('Unauthorized', 'Unauthorized'))
}

/** @throws StatusError 403 or 503 */
async function allow(parts: ApiServerParts, user: UserInfo, attributes: Attributes): Promise<void> {
  const access = await parts.reviewAccess(user, attributes)
  if (access.outcome === 'allowed') return
  const count = (code: number) => {
    if ('resource' in attributes) {
      const { verb, resource } = attributes.resource
      parts.onAnswer(verb, isKnown(resource) ? resource : 'other', code)
    }
  }
  if (access.outcome === 'unknown') {
    count(503)
    const message = 'the API server does not say what you may do; try again'
    throw new StatusError(statusOf('ServiceUnavailable', message, { retryAfterSeconds: 1 }))
  }
  count(403)
  const name = user.username ?? ''
  throw new StatusError(
    'resource' in attributes
      ? statusOf('Forbidden', describeDenial(name, attributes.resource), {
          group: attributes.resource.group,
          kind: attributes.resource.resource,
        })
      : statusOf('Forbidden', `User "${name}" cannot ${attributes.verb} path "${attributes.path}"`),
  )
}

const isKnown = (resource: string): boolean => /^[a-z]{1,20}$/.test(resource)

function pathNotFound(path: string): Status {
  return statusOf('NotFound', `the server could not find the requested resource: ${path}`)
}

function refuse(response: ServerResponse, status: Status): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { retryAfterSeconds } = status.details ?? {}
  if (retryAfterSeconds) response.setHeader('retry-after', String(retryAfterSeconds))
  send(response, status.code, status)
}

function send(
  response: ServerResponse,
  code: number,
  body: object,
  contentType = 'application/json',
): void {
  response.writeHead(code, { 'content-type': contentType, 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}
