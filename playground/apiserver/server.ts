/** The playground's API server: everything put together. */
import type { Log } from '../../core/log.ts'
import { silentLog } from '../../core/log.ts'
import { makeServingCertificate } from './certificates.ts'
import { handle } from './handler.ts'
import { kubeconfig } from './kubeconfig.ts'
import { type ListenAddress, listen } from './listen.ts'
import { Objects } from './objects.ts'
import type { LogProvider } from './pod-log.ts'
import { Registry } from './resources.ts'
import { KUBERNETES_IP } from './service-addresses.ts'
import { Store } from './store.ts'
import { seedCluster } from './system-objects.ts'
import { Tokens } from './tokens.ts'
import { WebhookAdmission } from './webhook-admission.ts'

export interface ApiServerOptions {
  /** Address to listen on; port 0 takes a free one. */
  host: string
  port: number
  /** Further addresses or unix sockets. */
  listen?: readonly ListenAddress[]
  /** Further names that the certificate is good for. */
  names?: readonly { type: 'dns' | 'ip'; value: string }[]
  log?: Log
  now?: () => Date
}

export interface ApiServer {
  /** `https://host:port` of the first address. */
  url: string
  /** All addresses as they were bound, the first one first. */
  addresses: ListenAddress[]
  /** The certificate of the server's authority. */
  caPem: string
  /** Text of a kubeconfig with all rights. */
  adminKubeconfig: string
  /** The same for another URL of the same server, e.g. one behind a tunnel. */
  kubeconfigFor(server: string): string
  adminToken: string
  /** A token for pods of this service account. */
  tokenFor(namespace: string, serviceAccount: string): string
  /** Sets who serves pods' logs; before that, logs answer 503. */
  setLogProvider(provider: LogProvider): void
  /** In-process access for the built-in controllers. */
  objects: Objects
  close(): Promise<void>
}

const CERTIFICATE_NAMES = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
  { type: 'ip', value: KUBERNETES_IP },
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'kubernetes' },
  { type: 'dns', value: 'kubernetes.default' },
  { type: 'dns', value: 'kubernetes.default.svc' },
  { type: 'dns', value: 'kubernetes.default.svc.cluster.local' },
] as const

/** Starts the server, with the system's namespaces in it. Rejects if an address cannot be had. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { host, port, log = silentLog, now = () => new Date() } = options
  const certificate = await makeServingCertificate(
    [...CERTIFICATE_NAMES, ...(options.names ?? []), ...hostName(host)],
    now(),
  )
  const store = new Store()
  const registry = new Registry()
  const tokens = new Tokens(now)
  const admission = new WebhookAdmission(store, registry, log)
  const objects = new Objects({ store, registry, admission, now })
  await seedCluster(objects)

  let logs: LogProvider | null = null
  const context = { objects, tokens, logs: () => logs, log }
  const listeners = await listen(
    [{ host, port }, ...(options.listen ?? [])],
    { cert: certificate.certPem, key: certificate.keyPem },
    (request, response) => void handle(context, request, response),
  )
  const [first] = listeners.addresses
  const bound = first && 'port' in first ? first.port : port
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${bound}`
  const kubeconfigFor = (server: string) =>
    kubeconfig({ server, caPem: certificate.caPem, token: tokens.admin })
  return {
    url,
    addresses: listeners.addresses,
    caPem: certificate.caPem,
    adminKubeconfig: kubeconfigFor(url),
    kubeconfigFor,
    adminToken: tokens.admin,
    tokenFor: (namespace, serviceAccount) => tokens.issue(namespace, serviceAccount).token,
    setLogProvider: (provider) => {
      logs = provider
    },
    objects,
    close: () => listeners.close(),
  }
}

/** The listening address itself, unless it is a wildcard. */
function hostName(host: string): { type: 'dns' | 'ip'; value: string }[] {
  if (host === '0.0.0.0' || host === '::' || host === '127.0.0.1' || host === '::1') return []
  return [{ type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host }]
}
