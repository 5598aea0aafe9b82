/** The playground's API server: everything put together. */
import type { Log } from '../../core/log.ts'
import { silentLog } from '../../core/log.ts'
import { admissionChain, escalationCheck } from './admission-chain.ts'
import { Aggregator } from './aggregation/aggregator.ts'
import { startFrontProxy } from './aggregation/front-proxy.ts'
import { makeServingCertificate } from './certificates.ts'
import { handle } from './handler.ts'
import { kubeconfig } from './kubeconfig.ts'
import { limitRangeCheck } from './limit-range.ts'
import { type ListenAddress, listen } from './listen.ts'
import { Objects } from './objects.ts'
import type { ExecProvider } from './pod-exec.ts'
import type { DialProvider } from './pod-forward.ts'
import type { LogProvider } from './pod-log.ts'
import { podSecurityCheck } from './pod-security.ts'
import { podWarnings } from './pod-warnings.ts'
import { keepAggregatedRoles } from './rbac/aggregated-roles.ts'
import { authorize, type Policy, rulesOf } from './rbac/authorizer.ts'
import { storedPolicy } from './rbac/stored-policy.ts'
import { checkQuota } from './resource-quota.ts'
import { Registry } from './resources.ts'
import type { Rights } from './reviews.ts'
import { KUBERNETES_IP } from './service-addresses.ts'
import { ServiceConnections } from './service-connections.ts'
import { Store } from './store.ts'
import { seedCluster } from './system-objects.ts'
import { Tokens } from './tokens.ts'
import { handleUpgrade } from './upgrade.ts'
import { WebhookAdmission } from './webhook-admission.ts'

export interface ApiServerOptions {
  /** Address to listen on; port 0 takes a free one. */
  host: string
  port: number
  /** Further addresses or unix sockets. */
  listen?: readonly ListenAddress[]
  /** Further names that the certificate is good for. */
  names?: readonly { type: 'dns' | 'ip'; value: string }[]
  /**
   * `enforced` (default): roles and bindings decide. `off`: whoever has a token may do everything, as in
   * Kubernetes with AlwaysAllow.
   */
  rights?: 'enforced' | 'off'
  /** Default true, as in Kubernetes; false opens a connection for each call of a webhook. */
  keepWebhookConnections?: boolean
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
  /** The same for another URL of the same server, e.g. one behind a tunnel, or with another token. */
  kubeconfigFor(server: string, token?: string): string
  adminToken: string
  /** A token of this service account for the API server itself; throws if there is no such account. */
  tokenFor(namespace: string, serviceAccount: string): string
  /** A token of a user who is no service account, in these groups and in `system:authenticated`. */
  tokenForUser(name: string, groups?: readonly string[]): string
  /** Sets who serves pods' logs; before that, logs answer 503. */
  setLogProvider(provider: LogProvider): void
  /** Sets who runs commands in containers; before that, exec answers 503. */
  setExecProvider(provider: ExecProvider): void
  /** Sets who connects to ports inside of pods; before that, port-forward answers 503. */
  setDialProvider(provider: DialProvider): void
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
  const { host, port, log = silentLog, now = () => new Date(), rights = 'enforced' } = options
  const certificate = await makeServingCertificate(
    [...CERTIFICATE_NAMES, ...(options.names ?? []), ...hostName(host)],
    now(),
  )
  const store = new Store()
  const registry = new Registry()
  const tokens = new Tokens(store, now)
  const policy = storedPolicy(store)
  const webhookConnections = new ServiceConnections(options.keepWebhookConnections ?? true)
  const admission = admissionChain({
    webhooks: new WebhookAdmission(store, registry, webhookConnections, log),
    checks: [
      ...(rights === 'enforced' ? [escalationCheck(policy)] : []),
      limitRangeCheck(store),
      podSecurityCheck(store),
      podWarnings,
    ],
    last: (request) => checkQuota(store, request),
  })
  const objects = new Objects({ store, registry, admission, now })
  const aggregated = keepAggregatedRoles(objects, log)
  await seedCluster(objects)
  await aggregated()
  const aggregator = new Aggregator(objects, await startFrontProxy(objects), log)
  await aggregator.listLocal()

  let logs: LogProvider | null = null
  let exec: ExecProvider | null = null
  let dial: DialProvider | null = null
  const enforced = rights === 'enforced' ? rightsOf(policy) : null
  const context = {
    objects,
    tokens,
    rights: enforced,
    aggregator,
    logs: () => logs,
    exec: () => exec,
    dial: () => dial,
    log,
  }
  const listeners = await listen(
    [{ host, port }, ...(options.listen ?? [])],
    { cert: certificate.certPem, key: certificate.keyPem },
    {
      request: (request, response) => void handle(context, request, response),
      upgrade: (request, socket, head) => void handleUpgrade(context, request, socket, head),
    },
  )
  const [first] = listeners.addresses
  const bound = first && 'port' in first ? first.port : port
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${bound}`
  const kubeconfigFor = (server: string, token = tokens.admin) =>
    kubeconfig({ server, caPem: certificate.caPem, token })
  return {
    url,
    addresses: listeners.addresses,
    caPem: certificate.caPem,
    adminKubeconfig: kubeconfigFor(url),
    kubeconfigFor,
    adminToken: tokens.admin,
    tokenFor: (namespace, name) => {
      const resource = registry.builtIn('v1', 'serviceaccounts')
      const { uid } = objects.get({ resource, namespace, name }).metadata
      return tokens.issue({ namespace, account: { name, uid } }).token
    },
    tokenForUser: (name, groups) => tokens.issueForUser(name, groups),
    setLogProvider: (provider) => {
      logs = provider
    },
    setExecProvider: (provider) => {
      exec = provider
    },
    setDialProvider: (provider) => {
      dial = provider
    },
    objects,
    close: async () => {
      await listeners.close()
      await aggregator.close()
      webhookConnections.close()
    },
  }
}

function rightsOf(policy: Policy): Rights {
  return {
    authorize: (attributes) => authorize(policy, attributes),
    rulesOf: (user, namespace) => rulesOf(policy, user, namespace),
  }
}

/** The listening address itself, unless it is a wildcard. */
function hostName(host: string): { type: 'dns' | 'ip'; value: string }[] {
  if (host === '0.0.0.0' || host === '::' || host === '127.0.0.1' || host === '::1') return []
  return [{ type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host }]
}
