/**
 * The sample app: one small program that plays every service of a shop. It answers with what it is and what
 * the services that it calls answered, so that a single request shows which versions took part.
 * It knows nothing of spaces but its own namespace: of what it receives it passes on only the headers named
 * in FORWARD_HEADERS, by default those of W3C trace context.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { answerPage } from './page.ts'

export interface SampleSettings {
  service: string
  version: string
  /** The namespace that the pod runs in. */
  space: string
  /** Base URLs of the services that every request calls, one after the other. */
  calls: string[]
  /** Names of headers that go on to the called services, in lower case. */
  forwardHeaders: string[]
  /** `/healthz` answers 503: a version that never becomes ready. */
  failReady: boolean
}

export interface SampleAnswer {
  service: string
  version: string
  space: string
  path: string
  status: number
  /** Set where a call could not be made. */
  error?: string
  calls: SampleAnswer[]
}

/** A called service must begin to answer within this time (ms): it calls at most two others itself. */
const CALL_TIMEOUT_MS = 5000

export function readSettings(env: Record<string, string | undefined>): SampleSettings {
  const list = (text: string) => text.split(',').filter((item) => item !== '')
  return {
    service: env['SERVICE'] ?? 'web',
    version: env['VERSION'] ?? 'v1',
    space: env['SPACE'] ?? '',
    calls: list(env['CALLS'] ?? ''),
    forwardHeaders: list(env['FORWARD_HEADERS'] ?? 'traceparent').map((name) => name.toLowerCase()),
    failReady: env['FAIL_READY'] === 'true',
  }
}

/** The app's server; the caller listens. */
export function sampleServer(settings: SampleSettings) {
  const server = createServer((incoming, response) => {
    if (incoming.url === '/healthz') {
      response.writeHead(settings.failReady ? 503 : 200).end()
      return
    }
    answer(settings, incoming).then((body) => {
      // Told to end, it lets go of clients that keep their connections busy: else they hold it up.
      if (!server.listening) response.setHeader('connection', 'close')
      send(incoming, response, body)
    })
  })
  return server
}

async function answer(settings: SampleSettings, incoming: IncomingMessage): Promise<SampleAnswer> {
  const { service, version, space, calls, forwardHeaders } = settings
  const path = incoming.url ?? '/'
  const headers: Record<string, string> = {}
  for (const name of forwardHeaders) {
    const value = incoming.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  const answers: SampleAnswer[] = []
  for (const base of calls) answers.push(await call(base, path, headers))
  const status = answers.every((each) => each.status < 400) ? 200 : 502
  return { service, version, space, path, status, calls: answers }
}

/** Calls `base` with the same path; whatever goes wrong becomes part of the answer. */
function call(base: string, path: string, headers: Record<string, string>): Promise<SampleAnswer> {
  const failed = (status: number, error: string): SampleAnswer => {
    const service = new URL(base).hostname
    return { service, version: '', space: '', path, status, error, calls: [] }
  }
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(failed(502, error.message))
    const outgoing = request(new URL(path, base), {
      headers: { accept: 'application/json', ...headers },
      timeout: CALL_TIMEOUT_MS,
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
    outgoing.on('error', fail)
    outgoing.on('response', async (response) => {
      let text = ''
      try {
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        resolve(JSON.parse(text))
      } catch {
        resolve(failed(response.statusCode ?? 502, text.slice(0, 200)))
      }
    })
    outgoing.end()
  })
}

function send(incoming: IncomingMessage, response: ServerResponse, body: SampleAnswer): void {
  const wantsPage = (incoming.headers.accept ?? '').includes('text/html')
  response.writeHead(body.status, {
    'content-type': wantsPage ? 'text/html; charset=utf-8' : 'application/json',
  })
  response.end(wantsPage ? answerPage(body) : `${JSON.stringify(body)}\n`)
}

if (import.meta.main) {
  const server = sampleServer(readSettings(process.env))
  const port = Number(process.env['PORT'] ?? 8080)
  server.listen(port, () => console.log(`listening on ${port}`))
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}
