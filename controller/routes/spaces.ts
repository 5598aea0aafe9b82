/** `GET /v1/spaces`: the trees of spaces, with what runs in them. */
import type { FastifyInstance } from 'fastify'
import type { SpaceSummary } from '../../core/controller-api.ts'
import type { FeedService } from '../../core/routing-feed.ts'
import { chainOf, describeProblem, displayPath } from '../../core/spaces.ts'
import type { View } from '../feed/diff.ts'
import { ApiError } from '../server.ts'

const schema = { querystring: { type: 'object', additionalProperties: false } } as const

/** @param view all trees; null while the first lists are not in */
export function spaceRoutes(app: FastifyInstance, view: () => View | null): void {
  app.get('/v1/spaces', { schema }, async () => {
    const now = view()
    if (!now) {
      throw new ApiError(
        503,
        'not-ready',
        'the spaces are not known yet: the API server’s first lists are not in; /readyz tells when',
      )
    }
    return summarizeSpaces(now)
  })
}

/** In order of path, so that a tree reads from its root down. */
export function summarizeSpaces({ spaces, services }: View): SpaceSummary[] {
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  const servicesIn = Map.groupBy(services.values(), (service) => service.space)
  const summaries = [...spaces.values()].map(({ name, parent }): SpaceSummary => {
    const chain = chainOf(spaces, name)
    const own = servicesIn.get(name) ?? []
    return {
      name,
      parent,
      path: displayPath(chain),
      problem: chain.problem && { ...chain.problem, message: describeProblem(chain.problem) },
      services: own
        .map((service) => ({ name: service.name, ready: readyOf(service) }))
        .sort(byName),
    }
  })
  return summaries.sort((a, b) => a.path.localeCompare(b.path))
}

function readyOf({ ports }: FeedService): number {
  return ports.length === 0 ? 0 : Math.min(...ports.map((port) => port.ready))
}
