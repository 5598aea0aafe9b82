/** `/v1/traces`: taking records in, listing traces, showing one, and following live. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TraceDetail, TraceQuery } from '../../core/controller-api.ts'
import type { TraceBatch, TraceRecord } from '../../core/trace-record.ts'
import { ApiError, streamHeaders } from '../server.ts'
import { BATCH_SCHEMA, RECORD_SCHEMA } from '../traces/batch-schema.ts'
import { STATUS_PATTERN } from '../traces/filter.ts'
import { type Followers, MAX_FOLLOWERS } from '../traces/followers.ts'
import type { Ingest } from '../traces/ingest.ts'
import { listTraces } from '../traces/search.ts'
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

export interface IngestRouteOptions {
  ingest: Ingest
  /** Throws where the sender may not deliver these records; without it everybody may. */
  permit?: (request: FastifyRequest, batch: TraceBatch) => void
}

export interface TraceRouteOptions {
  store: TraceStore
  followers: Followers
}

const TOO_MANY_FOLLOWERS = new ApiError(
  503,
  'too-many-followers',
  `${MAX_FOLLOWERS} live views are open, which is all that the controller serves: close one that nobody looks at`,
)

/** `POST /v1/traces`. */
export function ingestRoutes(app: FastifyInstance, { ingest, permit }: IngestRouteOptions): void {
  app.post<{ Body: TraceBatch }>(
    '/v1/traces',
    { schema: schema.ingest },
    async (request, reply) => {
      const { records, ...head } = request.body
      const validate = request.compileValidationSchema(RECORD_SCHEMA)
      const sorted = sortRecords(records, (record) => (validate(record) ? null : validate.errors))
      // Nothing of it is a trace record: whoever sent this is told, not only its log.
      if (sorted.fault !== null && sorted.valid.length === 0) {
        throw new ApiError(400, 'bad-request', sorted.fault)
      }
      const batch = { ...head, records: sorted.valid }
      permit?.(request, batch)
      reply.code(202)
      return ingest(batch, sorted)
    },
  )
}

/** Everything that reads traces, for whoever can reach this port. */
export function traceRoutes(app: FastifyInstance, { store, followers }: TraceRouteOptions): void {
  app.get<{ Querystring: ListQuery }>('/v1/traces', { schema: schema.list }, async (request) => {
    const { since, before, limit, ...filter } = request.query
    const { items } = await listTraces(store, {
      filter: withoutEmpty(filter),
      since: since ? Number(since) : undefined,
      before: before ? cursorOf(before) : undefined,
      limit: Math.min(Number(limit || LIMIT.usual), LIMIT.most),
    })
    return items
  })

  app.get<{ Querystring: TraceQuery }>(
    '/v1/traces/follow',
    // Without HEAD: its answer would have no end.
    { schema: schema.follow, exposeHeadRoute: false },
    (request, reply) => {
      if (followers.isFull) throw TOO_MANY_FOLLOWERS
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, streamHeaders('text/event-stream'))
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

type Fault = { instancePath: string; message?: string }

/** Parts the records that can be stored from the others; one odd record does not cost its batch. */
function sortRecords(
  records: TraceRecord[],
  faultsOf: (record: unknown) => readonly Fault[] | null | undefined,
): { valid: TraceRecord[]; rejected: number; fault: string | null } {
  const valid: TraceRecord[] = []
  let fault: string | null = null
  for (const [index, record] of records.entries()) {
    const [first] = faultsOf(record) ?? []
    if (!first) valid.push(record)
    else fault ??= `body/records/${index}${first.instancePath} ${first.message ?? 'is wrong'}`
  }
  return { valid, rejected: records.length - valid.length, fault }
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
