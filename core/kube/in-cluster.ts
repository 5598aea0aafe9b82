/**
 * The client of a program that runs in the cluster: the pod's service account, and nothing else. It never
 * goes through a proxy, whatever the environment says: the API server is inside.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
import { readFile } from 'node:fs/promises'
import { Agent, type RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { createClient, type KubeClient } from './client.ts'

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST: an address of either family, or a name. */
  host: string
  /** KUBERNETES_SERVICE_PORT. */
  port: string
  /** Namespace of the program itself. */
  namespace: string
  /** Header `user-agent`: `azds-webhook/0.1.0`. */
  userAgent: string
  /** Folder with `token` and `ca.crt`; default: where Kubernetes mounts it. */
  directory?: string
  /** A clock that never goes back, in ms. */
  now?: () => number
}

export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Token and authority are read again after this time (ms): the kubelet renews a token of an hour when a
 * fifth of it is left, so a minute is early enough, and costs two small reads.
 */
const READ_AGAIN_MS = 60_000
/** An idle connection is closed after this time (ms), before the API server's own 90 s end it in our face. */
const IDLE_MS = 30_000

/** Makes the client; the files are read with the first request, whose error names a missing one. */
export function createInClusterClient(options: InClusterOptions): KubeClient {
  const { host, port, namespace, userAgent, directory = SERVICE_ACCOUNT_DIR } = options
  const credentials = readCredentials(directory, options.now ?? (() => performance.now()))
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return createClient({ server, namespace, userAgent, credentials })
}

function readCredentials(directory: string, now: () => number): () => Promise<RequestOptions> {
  let known: { at: number; options: RequestOptions } | null = null
  let ca = ''
  let agent = new Agent()
  const read = async (): Promise<RequestOptions> => {
    const [token, authority] = await Promise.all([
      readFile(join(directory, 'token'), 'utf8'),
      readFile(join(directory, 'ca.crt'), 'utf8'),
    ])
    if (authority !== ca) {
      // Requests on their way, watches above all, end in their own time on the old one's connections.
      agent = new Agent({ keepAlive: true, timeout: IDLE_MS, ca: authority })
      ca = authority
    }
    return { agent, headers: { authorization: `Bearer ${token.trim()}` } }
  }
  return async () => {
    if (known && now() - known.at < READ_AGAIN_MS) return known.options
    try {
      known = { at: now(), options: await read() }
    } catch (error) {
      // While the kubelet swaps the files, or the disk is full, the last token is as good as it was.
      if (!known) throw unreadable(directory, error as Error)
      known = { ...known, at: now() }
    }
    return known.options
  }
}

function unreadable(directory: string, cause: Error): Error {
  return new Error(
    `no service account is mounted at ${directory}: ${cause.message}; see that the pod has a serviceAccountName and automountServiceAccountToken is not false`,
    { cause },
  )
}
