/** Where a program of the control plane runs: its namespace, its pod, and the domain of its cluster. */
import { optionalDnsDomain, type Settings, text } from './config.ts'
import { ENV, IDENTITY_DIR, SYSTEM_NAMESPACE } from './names.ts'

/** Settings that all programs of the control plane have in common. */
export const placeSettings = {
  namespace: text({
    env: 'AZDS_NAMESPACE',
    doc: 'Namespace that the program itself runs in (downward API).',
    default: SYSTEM_NAMESPACE,
  }),
  podName: text({
    env: ENV.podName,
    doc: 'Name of the pod (downward API): who an Event is from, and who made an object.',
    default: 'unnamed',
  }),
  accountDir: text({
    env: 'AZDS_SERVICE_ACCOUNT_DIR',
    doc: 'Folder with `token` and `ca.crt` for the API server; only benchmarks have it elsewhere.',
    default: IDENTITY_DIR,
  }),
  clusterDomain: optionalDnsDomain({
    env: ENV.clusterDomain,
    doc: "The cluster's DNS domain; unset: as the search list of the program's own /etc/resolv.conf has it, else cluster.local.",
  }),
} as const satisfies Settings

export const RESOLV_CONF = '/etc/resolv.conf'
const DEFAULT_DOMAIN = 'cluster.local'

/**
 * The cluster's domain as a pod's resolv.conf tells it: the kubelet writes
 * `search <namespace>.svc.<domain> svc.<domain> <domain>`. Null where there is no such list.
 */
export function domainIn(resolvConf: string): string | null {
  // Of several lines the last one counts (resolv.conf(5)).
  const line = resolvConf.split('\n').findLast((one) => /^\s*search\s/.test(one))
  const names = line?.trim().split(/\s+/).slice(1) ?? []
  const services = names.find((name) => name.startsWith('svc.'))
  return services?.slice('svc.'.length).replace(/\.$/, '') || null
}

/** @param resolvConf text of the program's own; empty where it cannot be read */
export function clusterDomainFor(setting: string | null, resolvConf: string): string {
  return setting ?? domainIn(resolvConf) ?? DEFAULT_DOMAIN
}
