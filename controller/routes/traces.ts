/** `/v1/traces`: taking records in, listing traces, showing one, and following live. */
import type { FastifyInstance } from 'fastify'
import type { TraceDetail, TraceQuery } from '../../core/controller-api.ts'
import type { TraceBatch } from '../../core/trace-record.ts'
import { ApiError } from '../server.ts'
import { BATCH_SCHEMA } from '../traces/batch-schema.ts'
import { STATUS_PATTERN } from '../traces/filter.ts'
import type { Followers } from '../traces/followers.ts'
import type { Ingest } from '../traces/ingest.ts'
import type { Cursor, TraceStore } from '../traces/store.ts'

/** A page of the list: what fits a long screen, and the most that one answer gives (about 100 KB). */
const LIMIT = { usual: 50, most: 200 }

const filterProperties = {
  space: { type: 'string', maxLength: 63 },
  service: { type: 'string', maxLength: 253 },
  pod: { type: 'string', maxLength: 253 },
  method: { type: 'string', maxLength: 64 },
  status: { type: 'string', pattern: `^$|${STATUS_PATTERN}` },
  q: { type: 'string', maxLength: 1000 },
} as const
const time = '[0-9]{1,15}(\\.[0-9]{1,20})?'

const schema = {
  ingest: { body: BATCH_SCHEMA },
  list: {
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ...filterProperties,
        since: { type: 'string', pattern: `^(${time})?$` },
        before: { type: 'string', pattern: `^(${time}(,[0-9a-f]{32})?)?$` },
        limit: { type: 'string', pattern: '^[0-9]{0,4}$' },
      },
    },
  },
  follow: {
    querystring: { type: 'object', additionalProperties: false, properties: filterProperties },
  },
  get: {
    params: {
      type: 'object',
      required: ['traceId'],
      properties: { traceId: { type: 'string', pattern: '^[0-9a-f]{32}$' } },
    },
  },
} as const

type ListQuery = TraceQuery & { since?: string; before?: string; limit?: string }

export interface TraceRouteOptions {
  store: TraceStore
  followers: Followers
  ingest: Ingest
}

export function traceRoutes(app: FastifyInstance, options: TraceRouteOptions): void {
  const { store, followers, ingest } = options

  app.post<{ Body: TraceBatch }>(
    '/v1/traces',
    { schema: schema.ingest },
    async (request, reply) => {
      reply.code(202)
      return ingest(request.body)
    },
  )

  app.get<{ Querystring: ListQuery }>('/v1/traces', { schema: schema.list }, async (request) => {
    const { since, before, limit, ...filter } = request.query
    return store.list({
      filter: withoutEmpty(filter),
      since: since ? Number(since) : undefined,
      before: before ? cursorOf(before) : undefined,
      limit: Math.min(Number(limit || LIMIT.usual), LIMIT.most),
    })
  })

  app.get<{ Querystring: TraceQuery }>(
    '/v1/traces/follow',
    { schema: schema.follow },
    (request, reply) => {
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      const leave = followers.add(withoutEmpty(request.query), {
        write: (text) => void raw.write(text),
        get waitingBytes() {
          return raw.writableLength
        },
        end: () => (raw.writableNeedDrain ? raw.destroy() : raw.end()),
      })
      raw.on('close', leave)
    },
  )

  app.get<{ Params: { traceId: string } }>(
    '/v1/traces/:traceId',
    { schema: schema.get },
    async ({ params: { traceId } }): Promise<TraceDetail> => {
      const records = store.get(traceId)
      if (records) return { traceId, records }
      throw new ApiError(
        404,
        'unknown-trace',
        `trace ${traceId} is not in the store: it has not arrived yet, or it was among the oldest and had to go`,
      )
    },
  )
}

/** `startedAt` or `startedAt,traceId` of the last trace on the page before. */
function cursorOf(before: string): Cursor {
  const [startedAt, traceId] = before.split(',')
  return { startedAt: Number(startedAt), traceId }
}

/** An empty parameter counts as one that is not there. */
function withoutEmpty(query: TraceQuery): TraceQuery {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
