/** The admin port: is the proxy alive, is it ready, what does it count, how does it route. */
import type { Readiness } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import type { FeedClient } from './feed-client.ts'
import type { Metrics } from './metrics.ts'
import { type Page, servePages } from './page-server.ts'
import type { Identity } from './request-facts.ts'
import type { Listening, Transport } from './transport.ts'

export interface AdminDeps {
  readiness: Readiness
  metrics: Metrics
  table: RoutingTable
  feed: Pick<FeedClient, 'state' | 'lastMessageAt'>
  identity: Identity
}

const json = (status: number, value: unknown): Page => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value, null, 2)}\n`,
})

const PAGES: Readonly<Record<string, (deps: AdminDeps) => Page>> = {
  '/live': () => json(200, { live: true }),
  '/ready': ({ readiness }) => json(readiness.state.ready ? 200 : 503, readiness.state),
  '/metrics': ({ metrics }) => ({
    status: 200,
    type: metrics.contentType,
    body: metrics.text(),
  }),
  '/routes': (deps) => json(200, routes(deps)),
}

function routes({ table, feed, identity }: AdminDeps) {
  return {
    identity,
    feed: { state: feed.state, lastMessageAt: feed.lastMessageAt },
    version: table.version,
    self: table.self,
    spaces: [...table.spaces.values()],
    services: [...table.services.values()],
  }
}

export interface AdminOptions {
  port: number
  host?: string | undefined
  transport: Transport
  log: Log
}

/** Rejects if the port cannot be had. */
export async function listenAdmin(options: AdminOptions, deps: AdminDeps): Promise<Listening> {
  try {
    const page = (method: string, target: string) => pageOf(method, target, deps)
    return await servePages({ ...options, page })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot listen on admin port ${options.port}: ${reason}`, { cause })
  }
}

function pageOf(method: string, target: string, deps: AdminDeps): Page {
  if (method !== 'GET' && method !== 'HEAD') {
    return json(405, { error: `${method} is not allowed: use GET` })
  }
  const [path = ''] = target.split('?')
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined
  if (!page) return json(404, { error: `no page ${path}`, pages: Object.keys(PAGES) })
  try {
    return page(deps)
  } catch (error) {
    return json(500, { error: `page ${path} failed: ${String(error)}` })
  }
}
