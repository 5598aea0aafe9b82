/** `/healthz`, `/readyz` and `/metrics`. */
import type { FastifyInstance } from 'fastify'
import type { Readiness } from '../../core/lifecycle.ts'
import type { Metrics } from '../metrics.ts'

const schema = { querystring: { type: 'object' } } as const

export function healthRoutes(app: FastifyInstance, readiness: Readiness, metrics: Metrics): void {
  app.get('/healthz', { schema }, async () => ({ ok: true }))
  app.get('/readyz', { schema }, async (_request, reply) => {
    const { state } = readiness
    reply.code(state.ready ? 200 : 503)
    return state
  })
  app.get('/metrics', { schema }, async (_request, reply) => {
    reply.type(metrics.contentType)
    return metrics.text()
  })
}
