/** A thin client of the Kubernetes API: paths in, plain JSON out, so that unknown fields survive. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { errorOf, KubeError, readLines, textOf, warningsOf } from './answer.ts'

export { KubeError }

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml'

export interface WriteOptions {
  /** Everything happens but the storing: validation, admission, defaults. */
  dryRun?: boolean | undefined
  /** Called with each warning of the answer, e.g. that a pod breaks a Pod Security level. */
  onWarning?: ((text: string) => void) | undefined
}

export interface ApplyOptions extends WriteOptions {
  /** Who owns the fields of the body from now on (field manager of server-side apply). */
  manager: string
  /** Takes fields over from other managers; without it such a field is a conflict, 409. */
  force?: boolean | undefined
}

export interface DeleteOptions extends WriteOptions {
  /** Only the object of this uid: one that was made anew under the name stays, and the answer is 409. */
  uid?: string | undefined
  /** What becomes of objects that this one owns; default: what the kind's own default is. */
  propagation?: 'Foreground' | 'Background' | 'Orphan' | undefined
}

export interface KubeClient {
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  /** @param path of the collection */
  create<T>(path: string, body: unknown, options?: WriteOptions): Promise<T>
  replace<T>(path: string, body: unknown, options?: WriteOptions): Promise<T>
  patch<T>(path: string, type: PatchType, body: unknown, options?: WriteOptions): Promise<T>
  /**
   * Server-side apply: makes the object, or sets the fields that the body names.
   * What makes a new object is authorized as `create` with the object's name, so a role may be limited to
   * that name, which it cannot be for `create` above.
   * @param path of the object itself
   */
  apply<T>(path: string, body: unknown, options: ApplyOptions): Promise<T>
  delete(path: string, options?: DeleteOptions): Promise<void>
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

export interface ClientOptions {
  /** `https://10.96.0.1:443`, without a slash at the end; a path before the API's own is kept. */
  server: string
  /** Namespace for those who name none. */
  namespace: string
  /** Header `user-agent`, by which the API server's audit log tells our programs apart. */
  userAgent: string
  /** What every request carries besides: authorities, certificate, agent, header `authorization`. */
  credentials: () => Promise<RequestOptions>
}

/** An answer must begin within this time (ms): the API server's own limit for a request is 60 s. */
const ANSWER_TIMEOUT_MS = 65_000
/** TCP asks after this silence (ms) if the server is still there, so that a dead link ends a watch. */
const KEEP_ALIVE_MS = 30_000

/** A client over HTTP/1.1; makes no request yet. */
export function createClient(options: ClientOptions): KubeClient {
  const read = (path: string, signal?: AbortSignal) =>
    send(options, { method: 'GET', path, signal })
  const write = async (call: Call, { dryRun, onWarning }: WriteOptions = {}): Promise<string> => {
    const path = dryRun ? withQuery(call.path, 'dryRun=All') : call.path
    const response = await send(options, { ...call, path })
    if (onWarning) for (const text of warningsOf(response)) onWarning(text)
    return textOf(response)
  }
  return {
    server: options.server,
    namespace: options.namespace,
    get: async (path, signal) => JSON.parse(await textOf(await read(path, signal))),
    create: async (path, body, how) => JSON.parse(await write({ method: 'POST', path, body }, how)),
    replace: async (path, body, how) => JSON.parse(await write({ method: 'PUT', path, body }, how)),
    patch: async (path, type, body, how) =>
      JSON.parse(await write({ method: 'PATCH', path, body, type }, how)),
    apply: async (path, body, how) =>
      JSON.parse(
        await write(
          {
            method: 'PATCH',
            path: withQuery(path, applyQuery(how)),
            // JSON is YAML.
            type: 'application/apply-patch+yaml',
            body,
          },
          how,
        ),
      ),
    delete: async (path, how = {}) => {
      await write({ method: 'DELETE', path, body: deletionOf(how) }, how)
    },
    text: async (path) => textOf(await read(path)),
    lines: async (path, onLine, signal) => {
      try {
        await readLines(await read(path, signal), onLine)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
  }
}

function applyQuery({ manager, force }: ApplyOptions): string {
  return `fieldManager=${encodeURIComponent(manager)}${force ? '&force=true' : ''}`
}

function deletionOf({ uid, propagation }: DeleteOptions): unknown {
  if (uid === undefined && propagation === undefined) return undefined
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(uid !== undefined && { preconditions: { uid } }),
    ...(propagation !== undefined && { propagationPolicy: propagation }),
  }
}

/** Adds to a path's query, whether it has one or not. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

interface Call {
  method: string
  path: string
  body?: unknown
  /** Content type; default JSON. */
  type?: string
  /** Ends the request, and its answer, at any moment. */
  signal?: AbortSignal | undefined
}

/** Sends, and sends again where a kept connection turns out to have been closed meanwhile. */
async function send(options: ClientOptions, call: Call): Promise<IncomingMessage> {
  try {
    return await sendOnce(options, call)
  } catch (error) {
    if (!(error instanceof StaleConnection) || call.method === 'POST') throw error
    return sendOnce(options, call)
  }
}

/**
 * The server closed a kept connection just as it was used. All that we send but POST may be sent twice:
 * it says which state is wanted, or is answered with 409 or 404 the second time.
 */
class StaleConnection extends Error {}

async function sendOnce(
  { server, userAgent, credentials }: ClientOptions,
  { method, path, body, type = 'application/json', signal }: Call,
): Promise<IncomingMessage> {
  const about = `${method} ${path}`
  const url = new URL(server.replace(/\/+$/, '') + path)
  const [way = ''] = path.split('?', 1)
  if (!url.pathname.endsWith(way)) {
    // Names come out of objects that anybody may have written: `..` in one would lead to another object, or to all.
    throw new Error(`${about}: no request is made, because a name in it is none of Kubernetes`)
  }
  const { headers, ...connection } = await credentials()
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = open(url, {
      ...connection,
      method,
      headers: {
        accept: 'application/json',
        'content-type': type,
        'user-agent': userAgent,
        ...(headers as Record<string, string>),
      },
      ...(signal && { signal }),
    })
    const fail = (error: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && error.code === 'ECONNRESET' && !signal?.aborted
      const Kind = stale ? StaleConnection : Error
      // Where a name has several addresses and none answers, the error has a code and no words.
      const reason = error.message || error.code
      reject(new Kind(`${about} at ${server}: ${reason}`, { cause: error }))
    }
    request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(new Error('no answer in time')))
    request.on('error', fail)
    request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS))
    request.on('response', (response) => {
      request.setTimeout(0)
      const status = response.statusCode ?? 0
      if (status >= 200 && status < 300) resolve(response)
      else textOf(response).then((text) => reject(errorOf(about, status, text)), fail)
    })
    if (body === undefined) return void request.end()
    const text = Buffer.from(JSON.stringify(body))
    // Node would send the body of a DELETE without saying where it ends.
    request.setHeader('content-length', text.length)
    request.end(text)
  })
}
