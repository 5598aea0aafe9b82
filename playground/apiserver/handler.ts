/** One request from its first line to its answer: who asks, what for, who answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../../core/log.ts'
import type { Aggregator } from './aggregation/aggregator.ts'
import type { AggregatedApi } from './aggregation/api-services.ts'
import { forwardRequest } from './aggregation/forward.ts'
import { ApiError, methodNotAllowed, notAllowed, unknownPath } from './api-error.ts'
import type { User } from './caller.ts'
import {
  aggregatedDiscovery,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
  VERSION,
} from './discovery.ts'
import { sendError, sendJson, sendText } from './http-answer.ts'
import type { JsonObject } from './object.ts'
import type { Objects } from './objects.ts'
import { openApiDocument, openApiRoot } from './openapi.ts'
import { OPENAPI_V2_ANSWER, OPENAPI_V2_PROTOBUF, openApiV2 } from './openapi-v2.ts'
import type { ExecProvider } from './pod-exec.ts'
import type { DialProvider } from './pod-forward.ts'
import type { LogProvider } from './pod-log.ts'
import { parseProxyPath, proxyRequest } from './proxy.ts'
import { type Attributes, attributesOf } from './rbac/attributes.ts'
import { describeRefusal } from './rbac/authorizer.ts'
import { answerGet } from './reads.ts'
import { parseResourcePath } from './request-path.ts'
import type { Registry } from './resources.ts'
import type { Rights } from './reviews.ts'
import { type Authorize, signIn } from './sign-in.ts'
import type { Tokens } from './tokens.ts'
import { answerWrite, writeOptionsOf } from './writes.ts'

export interface HandlerContext {
  objects: Objects
  tokens: Tokens
  /** Null where rights are off. */
  rights: Rights | null
  aggregator: Aggregator
  logs: () => LogProvider | null
  exec: () => ExecProvider | null
  dial: () => DialProvider | null
  log: Log
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Answers a request, whatever happens. */
export async function handle(
  context: HandlerContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const warnings: string[] = []
  try {
    await route(context, request, response, warnings)
  } catch (error) {
    const { method, url } = request
    context.log.debug({ method, url, error: (error as Error).message }, 'request refused')
    sendError(response, error, warnings)
  }
}

async function route(
  context: HandlerContext,
  request: IncomingMessage,
  response: ServerResponse,
  warnings: string[],
): Promise<void> {
  // The host is of no interest; a base makes the path a URL.
  const { pathname, search, searchParams: query } = new URL(request.url ?? '/', 'https://apiserver')
  // Without rights to ask about, these are for everybody.
  if (!context.rights && PUBLIC.has(pathname)) return answerPublic(pathname, response)
  const { user, attributes, authorize } = signInFor(context, request)
  if (PUBLIC.has(pathname)) return answerPublic(pathname, response)

  const elsewhere = context.aggregator.at(pathname) ?? openApiElsewhere(context, pathname)
  if (elsewhere) {
    const { context: forwarding } = context.aggregator
    // The path as it was authorized: without steps that lead up again.
    const path = pathname + search
    return forwardRequest(forwarding, elsewhere, user, path, { request, response })
  }
  const through = parseProxyPath(pathname + search)
  if (through) return proxyRequest(context.objects, through, { request, response })
  const { registry } = context.objects
  const target = parseResourcePath(registry, pathname)
  if (!target) {
    if (request.method !== 'GET') throw unknownPath()
    return answerDocument(context, request, response, pathname)
  }
  const exchange = { request, response, query }
  if (request.method === 'GET' || request.method === 'HEAD') {
    if (target.resource.createOnly) throw methodNotAllowed()
    return answerGet(context, target, exchange)
  }
  const options = writeOptionsOf(request, query, user, warnings)
  if (authorize)
    options.beforeCreate = () => requireRight(authorize, { ...attributes, verb: 'create' })
  return answerWrite({ ...context, user }, target, exchange, options)
}

/** Who asks, and for what; throws 401 or 403 unless the request is allowed. */
export function signInFor(
  { tokens, rights }: HandlerContext,
  { headers, method = '', url = '/' }: IncomingMessage,
): { user: User; attributes: Attributes; authorize: Authorize | null } {
  const authorize = rights?.authorize ?? null
  const user = signIn(tokens, headers, authorize)
  const attributes = attributesOf(user, method, url)
  if (authorize) requireRight(authorize, attributes)
  return { user, attributes, authorize }
}

const PUBLIC = new Set(['/healthz', '/livez', '/readyz', '/version', '/version/'])

function answerPublic(pathname: string, response: ServerResponse): void {
  if (pathname.startsWith('/version')) sendJson(response, { ...VERSION })
  else sendText(response, 'ok')
}

/** Throws 403 in Kubernetes' words unless the right is there. */
function requireRight(authorize: Authorize, attributes: Attributes): void {
  const { allowed, reason } = authorize(attributes)
  if (allowed) return
  const why = describeRefusal(attributes)
  const { group = '', resource = '', name = '' } = attributes.resource ?? {}
  throw notAllowed({ group, resource, name }, reason ? `${why}: ${reason}` : why)
}

function openApiElsewhere({ aggregator }: HandlerContext, pathname: string): AggregatedApi | null {
  const [, path] = /^\/openapi\/v3\/(.+)$/.exec(pathname) ?? []
  return path === undefined ? null : (aggregator.openApi().get(path) ?? null)
}

/** Discovery and schema documents. */
function answerDocument(
  { objects: { registry }, aggregator }: HandlerContext,
  { headers }: IncomingMessage,
  response: ServerResponse,
  pathname: string,
): void {
  const path = pathname.replace(/^\/+|\/+$/g, '')
  const aggregated = /g=apidiscovery\.k8s\.io;v=v2;as=APIGroupDiscoveryList/.test(
    (headers.accept ?? '').replaceAll(' ', ''),
  )
  if (aggregated && (path === 'api' || path === 'apis')) {
    const others = path === 'apis' ? aggregator.discovery() : []
    sendJson(response, aggregatedDiscovery(registry, path, others), { type: AGGREGATED })
    return
  }
  if (path === 'openapi/v2') {
    sendOpenApiV2(registry, headers.accept ?? '', response)
    return
  }
  const document = documentAt(registry, aggregator, path)
  if (!document) throw unknownPath()
  sendJson(response, document)
}

function sendOpenApiV2(registry: Registry, accept: string, response: ServerResponse): void {
  if (!accept.includes(OPENAPI_V2_PROTOBUF)) {
    throw new ApiError(
      406,
      'NotAcceptable',
      `only the following media types are accepted: ${OPENAPI_V2_PROTOBUF}`,
    )
  }
  const document = openApiV2(registry)
  const head = { 'content-type': OPENAPI_V2_ANSWER, 'content-length': document.length }
  response.writeHead(200, head).end(document)
}

function documentAt(registry: Registry, aggregator: Aggregator, path: string): JsonObject | null {
  if (path === 'api') return coreVersions()
  if (path === 'apis') return groupList(registry, aggregator.groups())
  if (path === 'openapi/v3') return openApiRoot(registry, [...aggregator.openApi().keys()])
  if (path.startsWith('openapi/v3/')) {
    return openApiDocument(registry, path.slice('openapi/v3/'.length))
  }
  const [root, first = '', second, ...more] = path.split('/')
  if (more.length > 0) return null
  if (root === 'api') return second === undefined ? resourceList(registry, first) : null
  if (root !== 'apis') return null
  if (second === undefined) return groupDocument(registry, aggregator.groups(), first)
  return resourceList(registry, `${first}/${second}`)
}
