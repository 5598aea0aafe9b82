/** Where the API server itself reaches a Service that answers for it: a webhook, an aggregated API. */
import { isIP } from 'node:net'
import type { Store } from './store.ts'

export interface ServiceAddress {
  host: string
  port: number
  /** The name that the certificate there must be good for. */
  serverName: string
}

/** Throws a sentence if there is no such Service. */
export function serviceAddress(
  store: Store,
  { namespace, name, port }: { namespace: string; name: string; port: number },
): ServiceAddress {
  const service = store.get('/services', namespace, name)
  if (!service) throw new Error(`service "${name}" not found in namespace ${namespace}`)
  const external = service.spec?.['type'] === 'ExternalName'
  const host = String(service.spec?.[external ? 'externalName' : 'clusterIP'])
  return { host, port, serverName: `${name}.${namespace}.svc` }
}

/** An address has no name to ask for in a TLS handshake (RFC 6066 section 3). */
export function tlsName(serverName: string): string {
  return isIP(serverName) ? '' : serverName
}
