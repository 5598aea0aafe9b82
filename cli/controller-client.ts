/** Reaches the controller: by its own URL, or through the API server's service proxy. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import { CONTROLLER_SERVICE, SYSTEM_NAMESPACE } from '../core/names.ts'
import { CliError } from './command.ts'

export interface ControllerClient {
  /** The JSON answer of a GET; throws a `CliError` that tells the next step. */
  get<T>(path: string): Promise<T>
  /** Reads a stream line by line until it ends or `signal` aborts. */
  lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>
}

/** The API server forwards what follows to port 80 of the Service. */
export const CONTROLLER_PROXY_PATH = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services/${CONTROLLER_SERVICE}:80/proxy`

export function controllerInCluster(client: KubeClient): ControllerClient {
  const explained = async <T>(call: Promise<T>): Promise<T> =>
    call.catch((error: Error) => {
      throw explain(error, client.server)
    })
  return {
    get: (path) => explained(client.get(`${CONTROLLER_PROXY_PATH}${path}`)),
    lines: (path, onLine, signal) =>
      explained(client.lines(`${CONTROLLER_PROXY_PATH}${path}`, onLine, signal)),
  }
}

export function controllerAt(url: string): ControllerClient {
  const open = async (path: string, signal?: AbortSignal): Promise<Response> => {
    const response = await fetch(`${url}${path}`, { ...(signal && { signal }) }).catch(
      (error: Error) => {
        // fetch says only "fetch failed"; its cause has the errno.
        const cause = (error.cause as Error | undefined)?.message ?? error.message
        throw new CliError(
          `controller at ${url}: ${cause}; see if AZDS_CONTROLLER or --controller is right, and if the controller runs`,
          1,
          { cause: error },
        )
      },
    )
    if (response.ok) return response
    throw new CliError(sentenceOf(`controller at ${url}`, response.status, await response.text()))
  }
  return {
    get: async (path) => (await (await open(path)).json()) as never,
    lines: async (path, onLine, signal) => {
      try {
        await readLines(await open(path, signal), onLine)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
  }
}

async function readLines(response: Response, onLine: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line.replace(/\r$/, ''))
  }
}

function explain(error: Error, server: string): CliError {
  const about = `controller (${SYSTEM_NAMESPACE}/${CONTROLLER_SERVICE} at ${server})`
  if (!(error instanceof KubeError)) {
    return new CliError(`${about}: ${error.message}`, 1, { cause: error })
  }
  const { status, reason } = error
  const next =
    status === 503 || (status === 404 && reason === 'NotFound')
      ? `; see if it is installed and ready: kubectl get pods -n ${SYSTEM_NAMESPACE}`
      : status === 403
        ? `; you need the right to get services/proxy in namespace ${SYSTEM_NAMESPACE}`
        : ''
  return new CliError(`${sentenceOf(about, status, error.message)}${next}`, 1, { cause: error })
}

/** The controller's own message, where the answer has its form; else the answer as it is. */
function sentenceOf(about: string, status: number, body: string): string {
  const start = body.indexOf('{')
  try {
    const message = JSON.parse(body.slice(start))?.error?.message
    if (typeof message === 'string') return `${about}: ${message}`
  } catch {
    // Not the controller's form: a proxy on the way has answered.
  }
  return `${about} answered ${status}: ${body.trim().slice(0, 300) || 'nothing'}`
}
