/** kube-proxy: keeps the node's rules equal to the Services and EndpointSlices. */
import { type Exec, execOk } from '../../core/exec.ts'
import type { Cached } from '../../core/kube/cache.ts'
import type { EndpointSlice, Service } from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import { NETWORK } from './addresses.ts'
import { servicePorts, serviceRules } from './service-rules.ts'

/** Changes that come within this time (ms) are written together; short enough not to be felt. */
const DEBOUNCE_MS = 20

export interface KubeProxyDeps {
  services: Cached<Service>
  slices: Cached<EndpointSlice>
  exec: Exec
  log: Log
}

/** Writes the first rules, then follows. */
export async function startKubeProxy({
  services,
  slices,
  exec,
  log,
}: KubeProxyDeps): Promise<void> {
  const own = new Set<string>([NETWORK.apiIp, NETWORK.dnsIp])
  let written = ''
  let planned = false
  let writing: Promise<void> = Promise.resolve()

  const write = async () => {
    const rules = serviceRules(servicePorts(services.values(), slices.values(), own))
    if (rules === written) return
    // The whole tables in one transaction: the node's network namespace is ours alone.
    await execOk(exec, 'iptables-restore', [], { input: rules })
    written = rules
  }
  const plan = () => {
    if (planned) return
    planned = true
    setTimeout(() => {
      planned = false
      writing = writing.then(write).catch((error: Error) => {
        log.error({ error: error.message }, 'service rules not written')
      })
    }, DEBOUNCE_MS)
  }
  await Promise.all([services.synced, slices.synced])
  await write()
  services.onChange(plan)
  slices.onChange(plan)
  // What changed while the first rules were written.
  plan()
}
