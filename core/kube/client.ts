/** A thin client of the Kubernetes API: paths in, plain JSON out, so that unknown fields survive. */
import { existsSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { StringDecoder } from 'node:string_decoder'
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
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  create<T>(path: string, body: unknown): Promise<T>
  replace<T>(path: string, body: unknown): Promise<T>
  patch<T>(path: string, type: PatchType, body: unknown): Promise<T>
  delete(path: string): Promise<void>
  /** Any endpoint's answer as text, e.g. a pod's log. */
  text(path: string): Promise<string>
  /**
   * Reads a stream line by line (LF or CRLF; a last line without an end counts). Resolves when it
   * ends or `signal` aborts; rejects on a non-2xx status, a cut connection, or when `onLine` throws.
   */
  lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>
  /** The server that this client talks to, and the namespace of its context. */
  readonly server: string
  readonly namespace: string
}

export interface KubeClientOptions {
  /** Path of a kubeconfig; without one: `kubeconfigs`, then ~/.kube/config, then in-cluster. */
  kubeconfig?: string | undefined
  /**
   * Several, as KUBECONFIG lists them: those that are not there are passed over, and what two of
   * them name is taken from the first, as kubectl does.
   */
  kubeconfigs?: readonly string[] | undefined
  /** Context to use instead of the current one. */
  context?: string | undefined
}

/** An answer must begin within this time (ms): the API server's own limit for a request is 60 s. */
const ANSWER_TIMEOUT_MS = 65_000
/** TCP asks after this silence (ms) if the server is still there, so that a dead link ends a watch. */
const KEEP_ALIVE_MS = 30_000
/** What the client library falls back to when it finds no configuration at all. */
const NO_CLUSTER = 'http://localhost:8080'

/** Makes a client; throws a sentence if no cluster is configured. */
export function createKubeClient(options: KubeClientOptions = {}): KubeClient {
  const config = new KubeConfig()
  if (options.kubeconfig) config.loadFromFile(options.kubeconfig)
  else if (options.kubeconfigs?.length) loadFirstWins(config, options.kubeconfigs)
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
  if (
    !cluster ||
    (cluster.server === NO_CLUSTER && !options.kubeconfig && !cluster.skipTLSVerify)
  ) {
    throw new Error('no cluster is configured: set KUBECONFIG or pass --kubeconfig')
  }
  const send = (method: string, path: string, body?: unknown, type = 'application/json') =>
    sendRequest(config, cluster.server, { method, path, body, type, signal: undefined })
  const read = (path: string, signal: AbortSignal | undefined) =>
    sendRequest(config, cluster.server, {
      method: 'GET',
      path,
      body: undefined,
      type: 'application/json',
      signal,
    })
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    get: async (path, signal) => JSON.parse(await textOf(await read(path, signal))),
    create: async (path, body) => JSON.parse(await textOf(await send('POST', path, body))),
    replace: async (path, body) => JSON.parse(await textOf(await send('PUT', path, body))),
    patch: async (path, type, body) =>
      JSON.parse(await textOf(await send('PATCH', path, body, type))),
    delete: async (path) => {
      await textOf(await send('DELETE', path))
    },
    text: async (path) => textOf(await send('GET', path)),
    lines: async (path, onLine, signal) => {
      try {
        await readLines(await read(path, signal), onLine)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
  }
}

/** The library's own merging throws on a file that is missing and on a name that comes twice. */
function loadFirstWins(config: KubeConfig, paths: readonly string[]): void {
  const files = paths.filter((path) => existsSync(path))
  if (files.length === 0) {
    throw new Error(`no kubeconfig is at ${paths.join(' or ')}: mend KUBECONFIG`)
  }
  const parts = files.map((path) => {
    const part = new KubeConfig()
    part.loadFromFile(path)
    return part
  })
  config.loadFromOptions({
    clusters: firstOfEachName(parts.flatMap((part) => part.getClusters())),
    users: firstOfEachName(parts.flatMap((part) => part.getUsers())),
    contexts: firstOfEachName(parts.flatMap((part) => part.getContexts())),
    currentContext: parts.map((part) => part.getCurrentContext()).find((name) => name),
  })
}

function firstOfEachName<T extends { name: string }>(all: readonly T[]): T[] {
  return [...new Map(all.toReversed().map((one) => [one.name, one])).values()].reverse()
}

interface Call {
  method: string
  path: string
  body: unknown
  type: string
  /** Ends the request, and its answer, at any moment. */
  signal: AbortSignal | undefined
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
  if (call.signal) options.signal = call.signal
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
    request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS))
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
    return new KubeError(
      status,
      reason,
      `${about}: ${message || `status ${status}: ${body.slice(0, 500)}`}`,
    )
  } catch {
    return new KubeError(status, '', `${about}: status ${status}: ${body.slice(0, 500)}`)
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Not node:readline: that also breaks lines at U+2028 and U+2029, which JSON allows in strings. */
async function readLines(response: IncomingMessage, onLine: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder('utf8')
  const emit = (line: string) => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text !== '') onLine(text)
  }
  let rest = ''
  try {
    for await (const chunk of response) {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) emit(line)
    }
    emit(rest + decoder.end())
  } finally {
    response.destroy()
  }
}
