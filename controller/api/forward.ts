/** Hands a request that is allowed on to the controller, and its answer back as it comes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Status } from '../../core/trace-resource.ts'
import { statusOf } from '../resources/status.ts'

export interface ForwardOptions {
  /** `https://azds-controller.azds.svc`. */
  controllerUrl: string
  /** Certificates (PEM) by which the controller is known now. */
  authorities: () => string
  /** The token that we show it. */
  token: () => Promise<string>
  onError: (error: Error) => void
  /** How a name is looked up; default: by the system. */
  lookup?: LookupFunction | undefined
}

export interface Forward {
  /** Resolves with a refusal that has not been sent; null once the answer has gone or its reader has left. */
  (target: string, accept: string | undefined, response: ServerResponse): Promise<Status | null>
  close(): void
}

/** An answer must begin within this time (ms): the longest search of a full store takes seconds. */
const ANSWER_MS = 30_000
/** The API server has asked again by then (s), if it asks at all. */
const RETRY_SECONDS = 2

export function createForward(options: ForwardOptions): Forward {
  const { onError } = options
  const agent = new Agent({ keepAlive: true })
  const unavailable = (message: string): Status =>
    statusOf('ServiceUnavailable', message, { retryAfterSeconds: RETRY_SECONDS })

  const forward = async (target: string, accept: string | undefined, response: ServerResponse) => {
    const left = new AbortController()
    response.on('close', () => left.abort())
    let answer: IncomingMessage
    try {
      answer = await ask(options, agent, { target, accept, signal: left.signal })
    } catch (error) {
      if (left.signal.aborted) return null
      onError(error as Error)
      return unavailable('the controller of the spaces does not answer; see pods in its namespace')
    }
    const status = answer.statusCode ?? 502
    // What it has against our own token, or has broken, is no fault of who asks.
    if (status === 401 || status === 403 || status >= 500) {
      const body = (await textOf(answer)).slice(0, 500)
      onError(new Error(`the controller answered ${status}: ${body}`))
      return unavailable(`the controller of the spaces cannot answer now (${status})`)
    }
    response.writeHead(status, {
      'content-type': answer.headers['content-type'] ?? 'application/json',
      'cache-control': 'no-store',
    })
    response.flushHeaders()
    // Ends both sides together, and reads no faster than the reader does.
    await pipeline(answer, response).catch(() => response.destroy())
    return null
  }
  return Object.assign(forward, { close: () => agent.destroy() })
}

interface Question {
  target: string
  accept: string | undefined
  signal: AbortSignal
}

async function ask(
  { controllerUrl, authorities, token, lookup }: ForwardOptions,
  agent: Agent,
  { target, accept, signal }: Question,
): Promise<IncomingMessage> {
  const headers = {
    authorization: `Bearer ${await token()}`,
    accept: accept ?? 'application/json',
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = httpsRequest(`${controllerUrl}${target}`, {
    agent,
    headers,
    signal,
    // A change of authorities makes new connections: the agent tells them apart by this.
    ca: authorities(),
    minVersion: 'TLSv1.2',
    lookup,
  })
  request.setTimeout(ANSWER_MS, () => request.destroy(new Error('no answer in time')))
  request.on('response', (answer) => {
    request.setTimeout(0)
    resolve(answer)
  })
  request.on('error', reject)
  request.end()
  return promise
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
