/** A thin client of the Kubernetes API: paths in, plain JSON out, so that unknown fields survive. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'
import { KubeConfig } from '@kubernetes/client-node'

/** The API server's answer when it is not 2xx. */
export class KubeError extends Error {
  /** HTTP status, e.g. 404. */
  readonly status: number
  /** `reason` of the Status object, e.g. `NotFound`; empty if there was none. */
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
  }
}

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml'

export interface KubeClient {
  get<T>(path: string): Promise<T>
  create<T>(path: string, body: unknown): Promise<T>
  replace<T>(path: string, body: unknown): Promise<T>
  patch<T>(path: string, type: PatchType, body: unknown): Promise<T>
  delete(path: string): Promise<void>
  /** Any endpoint's answer as text, e.g. a pod's log. */
  text(path: string): Promise<string>
  /** Reads a stream line by line until it ends or `signal` aborts; rejects on a non-2xx status. */
  lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>
  /** The server that this client talks to, and the namespace of its context. */
  readonly server: string
  readonly namespace: string
}

export interface KubeClientOptions {
  /** Path of a kubeconfig; without one: in-cluster, then KUBECONFIG, then ~/.kube/config. */
  kubeconfig?: string | undefined
  /** Context to use instead of the current one. */
  context?: string | undefined
}

/** An answer must begin within this time (ms): the API server's own limit for a request is 60 s. */
const ANSWER_TIMEOUT_MS = 65_000

/** Makes a client; throws a sentence if no cluster is configured. */
export function createKubeClient(options: KubeClientOptions = {}): KubeClient {
  const config = new KubeConfig()
  if (options.kubeconfig) config.loadFromFile(options.kubeconfig)
  else config.loadFromDefault()
  if (options.context) {
    if (!config.getContextObject(options.context)) {
      const known = config.getContexts().map((context) => context.name)
      throw new Error(
        `context "${options.context}" is not in the kubeconfig; it has: ${known.join(', ') || 'none'}`,
      )
    }
    config.setCurrentContext(options.context)
  }
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error('no cluster is configured: set KUBECONFIG or pass --kubeconfig')
  const send = (method: string, path: string, body?: unknown, type = 'application/json') =>
    sendRequest(config, cluster.server, { method, path, body, type })
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    get: async (path) => JSON.parse(await textOf(await send('GET', path))),
    create: async (path, body) => JSON.parse(await textOf(await send('POST', path, body))),
    replace: async (path, body) => JSON.parse(await textOf(await send('PUT', path, body))),
    patch: async (path, type, body) =>
      JSON.parse(await textOf(await send('PATCH', path, body, type))),
    delete: async (path) => {
      await textOf(await send('DELETE', path))
    },
    text: async (path) => textOf(await send('GET', path)),
    lines: async (path, onLine, signal) => readLines(await send('GET', path), onLine, signal),
  }
}

interface Call {
  method: string
  path: string
  body: unknown
  type: string
}

async function sendRequest(
  config: KubeConfig,
  server: string,
  call: Call,
): Promise<IncomingMessage> {
  const url = new URL(server.replace(/\/+$/, '') + call.path)
  const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] = {
    method: call.method,
    headers: { accept: 'application/json', 'content-type': call.type, 'user-agent': 'devspaces' },
  }
  await config.applyToHTTPSOptions(options)
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = open(url, options)
    const fail = (error: Error) =>
      reject(
        new Error(`${call.method} ${call.path} at ${server}: ${error.message}`, { cause: error }),
      )
    request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(new Error('no answer in time')))
    request.on('error', fail)
    request.on('response', (response) => {
      request.setTimeout(0)
      const status = response.statusCode ?? 0
      if (status >= 200 && status < 300) resolve(response)
      else textOf(response).then((body) => reject(errorOf(call, status, body)), fail)
    })
    request.end(call.body === undefined ? undefined : JSON.stringify(call.body))
  })
}

function errorOf(call: Call, status: number, body: string): KubeError {
  const about = `${call.method} ${call.path}`
  try {
    const { reason = '', message = '' } = JSON.parse(body)
    return new KubeError(status, reason, `${about}: ${message || `status ${status}`}`)
  } catch {
    return new KubeError(status, '', `${about}: status ${status}: ${body.slice(0, 500)}`)
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function readLines(
  response: IncomingMessage,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const abort = () => response.destroy()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    for await (const line of createInterface({
      input: response,
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      if (line !== '') onLine(line)
    }
  } finally {
    signal.removeEventListener('abort', abort)
    response.destroy()
  }
}
