/** The admin port: is the proxy alive, is it ready, what does it count, how does it route, does the app answer. */
import type { Readiness } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import { TCP_PROBE_PATH } from '../core/names.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import type { FeedClient } from './feed-client.ts'
import type { Metrics } from './metrics.ts'
import { type Page, servePages } from './page-server.ts'
import type { Identity } from './request-facts.ts'
import type { ProbeTcp } from './tcp-probe.ts'
import type { Listening, Transport } from './transport.ts'

export interface AdminDeps {
  readiness: Readiness
  metrics: Metrics
  table: RoutingTable
  feed: Pick<FeedClient, 'state' | 'lastMessageAt'>
  identity: Identity
  /** Dials the app. */
  probeTcp: ProbeTcp
  /** Ports of the app that may be asked about: the admin port is no port scanner. */
  tcpProbes: readonly number[]
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

function pageOf(method: string, target: string, deps: AdminDeps): Page | Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') {
    return json(405, { error: `${method} is not allowed: use GET` })
  }
  const [path = ''] = target.split('?')
  if (path.startsWith(TCP_PROBE_PATH)) return probePage(path, deps)
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined
  if (!page) return json(404, { error: `no page ${path}`, pages: Object.keys(PAGES) })
  try {
    return page(deps)
  } catch (error) {
    return json(500, { error: `page ${path} failed: ${String(error)}` })
  }
}

async function probePage(path: string, { probeTcp, tcpProbes }: AdminDeps): Promise<Page> {
  const text = path.slice(TCP_PROBE_PATH.length)
  const port = tcpProbes.find((one) => String(one) === text)
  if (port === undefined) {
    return json(404, { error: `no TCP probe of this pod is about port ${text}`, ports: tcpProbes })
  }
  const outcome = await probeTcp(port)
  return json(outcome.reached ? 200 : 503, { port, ...outcome })
}
