/**
 * Knows the API server by its client certificate, and believes then whom it names in its headers. What is
 * believed stands in ConfigMap kube-system/extension-apiserver-authentication, which every API server keeps.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
import { X509Certificate } from 'node:crypto'
import type { KubeObject } from '../../core/kube/types.ts'
import type { UserInfo } from '../auth/caller.ts'

export type AuthenticationConfigMap = KubeObject & { data?: Record<string, string> }

const NAMESPACE = 'kube-system'
const NAME = 'extension-apiserver-authentication'
export const FRONT_PROXY_KEY = `${NAMESPACE}/${NAME}`
/** With this selector a role limited to one name may list and watch. */
export const FRONT_PROXY_PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps?fieldSelector=metadata.name%3D${NAME}`

/** How an API server is known, and in which headers it names the user. */
export interface FrontProxy {
  authorities: readonly X509Certificate[]
  /** Common names that count; empty: any. */
  allowedNames: readonly string[]
  /** All in lower case. */
  usernameHeaders: readonly string[]
  groupHeaders: readonly string[]
  uidHeaders: readonly string[]
  extraPrefixes: readonly string[]
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Null where the ConfigMap names no authority or no header for the user: nobody is believed then. */
export function frontProxyOf({ data = {} }: AuthenticationConfigMap): FrontProxy | null {
  const list = (key: string) => listOf(data[`requestheader-${key}`])
  const headers = (key: string) => list(key).map((name) => name.toLowerCase())
  const authorities = (data['requestheader-client-ca-file']?.match(PEM) ?? []).flatMap(
    certificateOf,
  )
  const usernameHeaders = headers('username-headers')
  if (authorities.length === 0 || usernameHeaders.length === 0) return null
  return {
    authorities,
    allowedNames: list('allowed-names'),
    usernameHeaders,
    groupHeaders: headers('group-headers'),
    // Since Kubernetes 1.32.
    uidHeaders: headers('uid-headers'),
    extraPrefixes: headers('extra-headers-prefix'),
  }
}

function listOf(text: string | undefined): string[] {
  try {
    const list = JSON.parse(text ?? '[]')
    return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : []
  } catch {
    return []
  }
}

function certificateOf(pem: string): X509Certificate[] {
  try {
    return [new X509Certificate(pem)]
  } catch {
    return []
  }
}

/** What a connection shows. */
export interface Peer {
  /** Whether TLS has found its certificate good when it was opened. */
  authorized: boolean
  certificate: X509Certificate | undefined
}

/** OID of the extended key usages that make a certificate one of a client (RFC 5280, section 4.2.1.12). */
const CLIENT_USAGES = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']

/**
 * Why a peer is not the API server; null if it is. Looked at for each request, not only when the connection
 * was opened: its certificate may have ended since, or its authority been taken out. And TLS alone is not
 * enough: Node calls a resumed connection of TLS 1.3 authorized also where it never had a certificate.
 */
export function faultOfPeer(
  { authorized, certificate }: Peer,
  proxy: Pick<FrontProxy, 'authorities' | 'allowedNames'> | null,
  now: Date,
): string | null {
  if (!certificate) return 'it shows no client certificate'
  if (!proxy) return `ConfigMap ${FRONT_PROXY_KEY} tells of no front proxy`
  if (!authorized) return 'its client certificate is not good'
  const isSigned = proxy.authorities.some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  )
  if (!isSigned) return 'its client certificate is of another authority'
  if (now < certificate.validFromDate || now > certificate.validToDate) {
    return 'its client certificate has ended or not begun'
  }
  const usages = certificate.keyUsage as string[] | undefined
  if (usages && !usages.some((usage) => CLIENT_USAGES.includes(usage))) {
    return 'its certificate is not for clients'
  }
  const name = commonNameOf(certificate)
  if (proxy.allowedNames.length === 0 || proxy.allowedNames.includes(name)) return null
  return `its client certificate is for "${name}", which is not allowed`
}

function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject ?? '')?.[1] ?? ''
}

/** Every header that names something about the user; those of anybody else are to be thrown away. */
export type DistinctHeaders = Readonly<Record<string, string[] | undefined>>

/** The user whom the API server names; null if it names none. */
export function proxiedUser(headers: DistinctHeaders, proxy: FrontProxy): UserInfo | null {
  const first = (names: readonly string[]) =>
    names.flatMap((name) => headers[name] ?? []).find((value) => value !== '')
  const username = first(proxy.usernameHeaders)
  if (username === undefined) return null
  const uid = first(proxy.uidHeaders)
  return {
    username,
    ...(uid !== undefined && { uid }),
    groups: proxy.groupHeaders.flatMap((name) => headers[name] ?? []),
    extra: extraOf(headers, proxy.extraPrefixes),
  }
}

function extraOf(headers: DistinctHeaders, prefixes: readonly string[]): Record<string, string[]> {
  const extra: Record<string, string[]> = {}
  for (const [name, values = []] of Object.entries(headers)) {
    const prefix = prefixes.find((candidate) => name.startsWith(candidate))
    if (prefix === undefined) continue
    const key = unescaped(name.slice(prefix.length))
    extra[key] = [...(extra[key] ?? []), ...values]
  }
  return extra
}

/** Keys hold `/` and the like, escaped as in a URL; what is not so escaped is taken as it is. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
