/** The admin port: is the proxy alive, is it ready, what does it count, how does it route. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readiness } from '../core/lifecycle.ts'
import type { Address, RoutingTable } from '../core/routing-table.ts'
import type { FeedClient } from './feed-client.ts'
import type { Metrics } from './metrics.ts'
import type { Identity } from './request-facts.ts'

export interface AdminDeps {
  readiness: Readiness
  metrics: Metrics
  table: RoutingTable
  feed: Pick<FeedClient, 'state' | 'lastMessageAt'>
  identity: Identity
}

interface Answer {
  status: number
  type: string
  body: string
}

type Page = (deps: AdminDeps) => Answer

const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value, null, 2)}\n`,
})

const PAGES: Readonly<Record<string, Page>> = {
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

export interface AdminServer {
  address: Address
  close(): void
}

/** Rejects if the port cannot be had. */
export function listenAdmin(
  { port, host }: { port: number; host?: string | undefined },
  deps: AdminDeps,
): Promise<AdminServer> {
  const server = createServer((request, response) => answer(request, response, deps))
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new Error(`cannot listen on admin port ${port}: ${cause.message}`, { cause }))
    })
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      resolve({ address: addressOf(server), close: () => stop(server) })
    })
  })
}

function answer(request: IncomingMessage, response: ServerResponse, deps: AdminDeps): void {
  const { status, type, body } = pageOf(request, deps)
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function pageOf(request: IncomingMessage, deps: AdminDeps): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return json(405, { error: `${request.method} is not allowed: use GET` })
  }
  const [path = ''] = (request.url ?? '').split('?')
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined
  if (!page) return json(404, { error: `no page ${path}`, pages: Object.keys(PAGES) })
  try {
    return page(deps)
  } catch (error) {
    return json(500, { error: `page ${path} failed: ${String(error)}` })
  }
}

function addressOf(server: Server): Address {
  const { address, port } = server.address() as AddressInfo
  return { ip: address, port }
}

function stop(server: Server): void {
  server.close()
  server.closeAllConnections()
}
