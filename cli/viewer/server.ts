/** The viewer on the user's own machine: the page's files, and its requests answered through the API server. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { closable, endOf } from '../../core/close-server.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import { ChooseSpaceError } from '../aggregated-traces.ts'
import { CliError } from '../command.ts'
import type { TraceSource } from '../trace-source.ts'
import { type Access, createAccess, isOwnHost, OPEN_ACCESS } from './access.ts'
import { PageGoneError, type PageRequests, pageRequests } from './translate.ts'

export interface ViewerServerOptions {
  /** For what is not traces: the tree of spaces. */
  client: KubeClient
  source: TraceSource
  /** Of the built page. */
  directory: string
  /** On 127.0.0.1; 0: any. */
  port: number
  /** `link`: only who has opened the link of `url`; `open`: everybody on this machine. */
  access: 'link' | 'open'
}

export interface ViewerServer {
  /** To open in a browser; with `access: 'link'` it works once. */
  url: string
  port: number
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
}

const SECURITY_HEADERS = {
  // The page runs nothing but its own files, and stands in no other page.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  // The link with its token must not become the referrer of anything.
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const

/** Open requests get this much longer (ms): somebody waits at her keyboard. */
const CLOSE_MS = 1000

/** Rejects where the port is taken, or the page was not built. */
export async function startViewerServer(options: ViewerServerOptions): Promise<ViewerServer> {
  const files = readFiles(options.directory)
  const requests = pageRequests(options.client, options.source)
  const server = createServer()
  const end = endOf(closable(server))
  const ending = new AbortController()
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const access = options.access === 'link' ? createAccess(port) : OPEN_ACCESS
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer({ request, response, port, access, files, requests, ending: ending.signal }).catch(
      (error: Error) => {
        if (response.headersSent) response.destroy()
        else sendError(response, error)
      },
    )
  })
  const query = access.token === null ? '' : `?token=${access.token}`
  return {
    url: `http://127.0.0.1:${port}/${query}`,
    port,
    async close() {
      // Streams first: they have no end of their own.
      ending.abort()
      await end(CLOSE_MS)
    },
  }
}

/** Read once: nothing else in the directory, or beside it, can be asked for. */
function readFiles(directory: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(directory).filter((name) => extname(name) in TYPES)
  if (!names.includes('index.html')) throw new Error(`the viewer is not in ${directory}`)
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]))
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  port: number
  access: Access
  files: ReadonlyMap<string, Buffer>
  requests: PageRequests
  /** Ends streams. */
  ending: AbortSignal
}

async function answer(exchange: Exchange): Promise<void> {
  const { request, response, port, access } = exchange
  const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`)
  const token = url.pathname === '/' ? url.searchParams.get('token') : null
  if (!isOwnHost(request.headers.host, port)) {
    refuse(response, 421, 'wrong-host', `this server is http://127.0.0.1:${port} alone`)
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(response, 405, 'method-not-allowed', 'the viewer only reads')
  } else if (token !== null) signIn(exchange, token)
  else if (!access.isKnown(request.headers)) refuseUnknown(response)
  else if (url.pathname.startsWith('/v1/')) await answerData(exchange, url)
  else sendFile(exchange, url.pathname === '/' ? 'index.html' : url.pathname.slice(1))
}

/** Takes the token out of the address; whoever has the cookie already may open the link again. */
function signIn({ request, response, access }: Exchange, token: string): void {
  const cookie = access.redeem(token)
  if (cookie === null && !access.isKnown(request.headers)) {
    refuseUnknown(response)
    return
  }
  const headers = { location: '/', ...(cookie !== null && { 'set-cookie': cookie }) }
  response.writeHead(303, { ...SECURITY_HEADERS, ...headers }).end()
}

function sendFile({ response, files }: Exchange, name: string): void {
  const file = files.get(name)
  if (!file) {
    refuse(response, 404, 'not-found', `there is no /${name}`)
    return
  }
  response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': TYPES[extname(name)] }).end(file)
}

async function answerData(
  { request, response, requests, ending }: Exchange,
  url: URL,
): Promise<void> {
  const { pathname, searchParams } = url
  const traceId = /^\/v1\/traces\/([0-9a-f]{32})$/.exec(pathname)?.[1]
  if (pathname === '/v1/traces') send(response, 200, await requests.list(searchParams))
  else if (pathname === '/v1/spaces') send(response, 200, await requests.spaces())
  else if (traceId) send(response, 200, await requests.one(traceId))
  else if (pathname === '/v1/traces/follow' && request.method === 'GET') {
    await streamEvents(response, searchParams, { requests, ending })
  } else refuse(response, 404, 'not-found', `there is no ${pathname}`)
}

/** Server-Sent Events until the page leaves; a comment every 15 s keeps whatever is between from giving up. */
const PING_MS = 15_000
/** A page that reads this much (bytes) too slowly has its stream cut, and comes back. */
const MOST_WAITING = 4 * 1024 * 1024

async function streamEvents(
  response: ServerResponse,
  parameters: URLSearchParams,
  { requests, ending }: Pick<Exchange, 'requests' | 'ending'>,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const open = () => {
    if (response.headersSent) return
    response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream' })
    response.write(': open\n\n')
  }
  const write = (event: string, data: unknown) => {
    open()
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    if (response.writableLength > MOST_WAITING) response.destroy()
  }
  const ping = setInterval(() => response.headersSent && response.write(': ping\n\n'), PING_MS)
  try {
    await requests.follow(
      parameters,
      {
        opened: open,
        record: (record) => write('record', record),
        missed: (records) => write('missed', { records }),
      },
      AbortSignal.any([gone.signal, ending]),
    )
    response.end()
  } finally {
    clearInterval(ping)
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { ...SECURITY_HEADERS, 'content-type': 'application/json' })
    .end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, { error: { code, message } })
}

function refuseUnknown(response: ServerResponse): void {
  refuse(
    response,
    401,
    'unauthorized',
    'open the link that azds viewer has printed: it works once, in one browser; for another run azds viewer again',
  )
}

function sendError(response: ServerResponse, error: Error): void {
  const [status, code, message] = answerOf(error)
  refuse(response, status, code, message)
}

function answerOf(error: Error): [status: number, code: string, message: string] {
  if (error instanceof ChooseSpaceError) {
    const message = 'You may not read the traces of all spaces: choose one.'
    return [403, 'choose-a-space', message]
  }
  if (error instanceof PageGoneError) return [410, 'page-gone', error.message]
  if (error instanceof KubeError) return [error.status, error.reason || 'api-server', error.message]
  const cause = error instanceof CliError ? error.cause : null
  return [cause instanceof KubeError ? cause.status : 502, 'no-traces', error.message]
}
