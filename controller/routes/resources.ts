/** `/apis/azds.io/v1`: what `azds-api` asks the controller for, once the API server's rights allow it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SpaceSummary } from '../../core/controller-api.ts'
import type { Log } from '../../core/log.ts'
import { API_GROUP } from '../../core/names.ts'
import { API_ROOT, type Sidecar, type Status } from '../../core/trace-resource.ts'
import {
  type ListQuery,
  listQueryOf,
  type Parameters,
  parametersOf,
} from '../resources/list-query.ts'
import { listOf, spaceOf } from '../resources/objects.ts'
import { notFound, StatusError, type StatusReason, statusOf } from '../resources/status.ts'
import { includeObjectOf, type Resource, tableOf, wantsTable } from '../resources/table.ts'
import {
  readTrace,
  readTraces,
  type TraceRequest,
  type TraceSources,
  traceRequestOf,
} from '../resources/trace-reads.ts'
import { watchTraces } from '../resources/trace-watch.ts'
import { ApiError, streamHeaders } from '../server.ts'
import { MAX_FOLLOWERS } from '../traces/followers.ts'

export interface ResourceSources extends TraceSources {
  /** Null while the first lists of the API server are not in. */
  spaces: () => SpaceSummary[] | null
  /** Of all spaces: those whose feed is open, and pods that lack one. */
  sidecars: () => Sidecar[]
  /** Wall clock in ms since 1970. */
  now: () => number
}

export interface ResourceRouteOptions extends ResourceSources {
  /** Rejects who may not read; called before anything else. */
  permit: (request: FastifyRequest) => Promise<void>
  log: Log
}

type Request = FastifyRequest<{
  Params: { namespace?: string; name?: string }
  Querystring: Record<string, string | string[]>
}>

const schema = { querystring: { type: 'object' } } as const

/** To be registered in a scope of its own: refusals have Kubernetes' form here. */
export async function resourceRoutes(
  app: FastifyInstance,
  options: ResourceRouteOptions,
): Promise<void> {
  const { permit, spaces, sidecars, now, log } = options
  app.addHook('onRequest', (request) => permit(request))
  app.setErrorHandler((error: Error, request, reply) => {
    const status = statusFor(error)
    if (status.code === 500) log.error({ url: request.url, error: error.stack }, 'request failed')
    return reply.code(status.code).send(status)
  })
  const get = (path: string, answer: (request: Request, reply: FastifyReply) => unknown) =>
    app.get(`${API_ROOT}/${path}`, { schema, exposeHeadRoute: false }, async (request, reply) =>
      answer(request as Request, reply),
    )
  const shaped = (request: Request, kind: 'Trace' | 'Sidecar' | 'Space', body: Resource | List) => {
    if (!wantsTable(request.headers.accept)) return body
    const include = includeOf(request)
    const objects = 'items' in body ? body.items : [body]
    const { metadata } = body
    return tableOf(kind, objects, {
      ...('items' in body && { metadata }),
      include,
      now: now(),
    })
  }

  for (const scope of ['', 'namespaces/:namespace/']) {
    get(`${scope}traces`, async (request, reply) => {
      const parameters = parametersOfRequest(request)
      const list = listQueryOf(parameters)
      const wanted = traceRequestOf(request.params.namespace ?? null, list, parameters)
      if (list.watch) return watch(request, reply, wanted, options)
      return shaped(request, 'Trace', await readTraces(options, wanted))
    })
    get(`${scope}sidecars`, (request) => {
      const list = unwatched(listQueryOf(parametersOfRequest(request)))
      const items = selected(sidecars(), list).filter(
        ({ metadata }) => metadata.namespace === (request.params.namespace ?? metadata.namespace),
      )
      return shaped(request, 'Sidecar', listOf('SidecarList', items, versionOf(options)))
    })
  }
  get('namespaces/:namespace/traces/:name', (request) => {
    const { namespace = '', name = '' } = request.params
    return shaped(request, 'Trace', readTrace(options, namespace, name))
  })
  get('namespaces/:namespace/sidecars/:name', (request) => {
    const { namespace, name = '' } = request.params
    const found = sidecars().find(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    )
    return shaped(request, 'Sidecar', found ?? missing('sidecars', name))
  })
  get('spaces', (request) => {
    const list = unwatched(listQueryOf(parametersOfRequest(request)))
    const items = selected(known(spaces()).map(spaceOf), list)
    return shaped(request, 'Space', listOf('SpaceList', items, versionOf(options)))
  })
  get('spaces/:name', (request) => {
    const { name = '' } = request.params
    const found = known(spaces()).find((space) => space.name === name)
    return shaped(request, 'Space', found ? spaceOf(found) : missing('spaces', name))
  })
}

type List = { metadata: object; items: Resource[] }

const versionOf = ({ followers }: TraceSources) => ({ version: followers.version })

function watch(
  request: Request,
  reply: FastifyReply,
  wanted: TraceRequest,
  sources: ResourceSources,
): void {
  if (sources.followers.isFull) {
    throw refusal('TooManyRequests', `${MAX_FOLLOWERS} watches of traces are open, which is all`)
  }
  const table = wantsTable(request.headers.accept) ? includeOf(request) : null
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, streamHeaders('application/json'))
  raw.flushHeaders()
  const leave = watchTraces({ ...sources, table }, wanted, {
    write: (text) => void raw.write(text),
    get waitingBytes() {
      return raw.writableLength
    },
    end: () => (raw.writableNeedDrain ? raw.destroy() : raw.end()),
  })
  raw.on('close', leave)
}

/** From the text itself, as azds-api reads it: two readers of one query could differ. */
function parametersOfRequest({ url }: Request): Parameters {
  return parametersOf(new URLSearchParams(url.split(/\?(.*)/s)[1] ?? ''))
}

function includeOf(request: Request) {
  const include = includeObjectOf(parametersOfRequest(request)['includeObject'])
  if (include) return include
  throw refusal('BadRequest', 'parameter includeObject: expected None, Metadata or Object')
}

function unwatched(list: ListQuery): ListQuery {
  if (!list.watch) return list
  throw refusal('MethodNotAllowed', 'these objects cannot be watched: list them again')
}

function selected<T extends { metadata: { name: string; namespace?: string } }>(
  all: readonly T[],
  { name, namespace }: ListQuery,
): T[] {
  return all.filter(
    ({ metadata }) =>
      (name === null || metadata.name === name) &&
      (namespace === null || metadata.namespace === namespace),
  )
}

function known(spaces: SpaceSummary[] | null): SpaceSummary[] {
  if (spaces) return spaces
  throw refusal('ServiceUnavailable', 'the spaces are not known yet: the controller has just begun')
}

function missing(resource: string, name: string): never {
  throw new StatusError(notFound(resource, name))
}

function refusal(reason: StatusReason, message: string): StatusError {
  return new StatusError(statusOf(reason, message, { group: API_GROUP }))
}

const REASON: Record<number, StatusReason> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  503: 'ServiceUnavailable',
}

function statusFor(error: unknown): Status {
  if (error instanceof StatusError) return error.status
  if (error instanceof ApiError) {
    return statusOf(REASON[error.statusCode] ?? 'InternalError', error.message)
  }
  return statusOf('InternalError', 'the controller failed; its log has the cause')
}
