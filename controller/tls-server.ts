/** What the TLS port serves, each to those whom `auth/authorize.ts` allows it: sidecars, the gateway, azds-api. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { KeyPair } from '../core/authority/certificate.ts'
import type { Log } from '../core/log.ts'
import type { FeedQuery } from '../core/routing-feed.ts'
import type { Deed } from './auth/authorize.ts'
import type { Caller } from './auth/caller.ts'
import type { SignIn } from './auth/sign-in.ts'
import type { FeedHub } from './feed/hub.ts'
import { feedRoutes } from './routes/feed.ts'
import { type ResourceSources, resourceRoutes } from './routes/resources.ts'
import { ingestRoutes } from './routes/traces.ts'
import { createServer } from './server.ts'
import type { Ingest } from './traces/ingest.ts'

export interface TlsServerParts {
  leaf: KeyPair
  signIn: SignIn
  hub: FeedHub
  ingest: Ingest
  resources: ResourceSources
  log: Log
}

/** Not listening yet. */
export async function createTlsServer(parts: TlsServerParts): Promise<FastifyInstance> {
  const { leaf, signIn, hub, ingest, resources, log } = parts
  const app = createServer(log, leaf)
  const callers = new WeakMap<FastifyRequest, Caller>()
  // Before a body is read: who is nobody costs no memory.
  const signsIn = (route: Deed['route']) => async (request: FastifyRequest) => {
    callers.set(request, await signIn.caller(request, route))
  }
  const permit = (request: FastifyRequest, deed: Deed) => {
    const caller = callers.get(request)
    if (!caller) throw new Error('nobody has signed this request in')
    signIn.permit(caller, deed)
  }

  await app.register(async (scope) => {
    scope.addHook('onRequest', signsIn('feed'))
    scope.addHook('preHandler', async (request) => {
      permit(request, { route: 'feed', query: request.query as FeedQuery })
    })
    feedRoutes(scope, hub)
  })
  await app.register(async (scope) => {
    scope.addHook('onRequest', signsIn('records'))
    ingestRoutes(scope, {
      ingest,
      permit: (request, batch) => permit(request, { route: 'records', batch }),
    })
  })
  await app.register(resourceRoutes, {
    ...resources,
    log,
    permit: async (request) => {
      await signsIn('api')(request)
      permit(request, { route: 'api' })
    },
  })
  return app
}
