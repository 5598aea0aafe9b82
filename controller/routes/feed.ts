/** `GET /v1/feed`: the routing feed as lines of JSON. */
import type { FastifyInstance } from 'fastify'
import { type FeedQuery, SIDECAR_HEADER } from '../../core/routing-feed.ts'
import type { FeedHub, FeedReader } from '../feed/hub.ts'
import { readSidecarReport } from '../feed/sidecar-report.ts'
import { ApiError, streamHeaders } from '../server.ts'

const schema = {
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      namespace: { type: 'string', maxLength: 63 },
      pod: { type: 'string', maxLength: 253 },
      scope: { enum: ['tree', 'all'] },
      since: { type: 'string', maxLength: 100 },
      digest: { type: 'string', pattern: '^[0-9a-f]{32}$' },
    },
  },
} as const

/** Who may read it is for whoever registers this to say, by a hook of its scope. */
export function feedRoutes(app: FastifyInstance, hub: FeedHub): void {
  // Without HEAD: its answer would have no end.
  const options = { schema, exposeHeadRoute: false }
  app.get<{ Querystring: FeedQuery }>('/v1/feed', options, (request, reply) => {
    const reader = readerOf(request.query)
    const report = readSidecarReport(request.headers[SIDECAR_HEADER])
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, streamHeaders('application/x-ndjson'))
    raw.flushHeaders()
    const taken = () => subscription.drained()
    const sink = {
      // One at a time: what waits inside of Node is written as one, and a long write is dear (`SLICE_BYTES`).
      write: (bytes: Buffer) => {
        raw.write(bytes, taken)
        return false
      },
      end: () => void raw.end(),
      cut: () => void raw.destroy(),
    }
    const subscription = hub.subscribe(reader, sink, { digest: request.query.digest, report })
    raw.on('close', () => subscription.closed())
  })
}

function readerOf({ namespace, pod, scope }: FeedQuery): FeedReader {
  if (scope === 'all') return { scope: 'all' }
  // A namespace or pod that is not known is no error: a pod can be faster than our caches.
  if (namespace && pod) return { scope: 'tree', namespace, pod }
  throw new ApiError(
    400,
    'bad-request',
    'a feed needs namespace and pod of its reader, or scope=all for every tree',
  )
}
