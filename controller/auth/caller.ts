/** Who calls, as the API server has told: read from the status of a TokenReview. Pure. */

/** A service account, and the pod that its token is bound to. */
export interface Caller {
  namespace: string
  account: string
  /** Null where the token is bound to no pod, as those of `kubectl create token` are. */
  pod: string | null
}

/** What `authentication.k8s.io/v1` tells of a user. */
export interface UserInfo {
  username?: string
  uid?: string
  groups?: string[]
  extra?: Record<string, string[]>
}

const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/
/** Key of `extra` that names the pod of a bound token (Kubernetes 1.21 and later). */
const POD_NAME = 'authentication.kubernetes.io/pod-name'

/** Key of `extra` with its uid, which no other pod will ever have. */
const POD_UID = 'authentication.kubernetes.io/pod-uid'

/** Uid of the pod that the token of a user is bound to; null where it is bound to none. */
export function podUidOf({ extra }: UserInfo): string | null {
  return extra?.[POD_UID]?.[0] ?? null
}

/** The service account that a user is; null for people and nodes. */
export function callerOf({ username = '', extra }: UserInfo): Caller | null {
  const [, namespace, account] = ACCOUNT.exec(username) ?? []
  if (namespace === undefined || account === undefined) return null
  return { namespace, account, pod: extra?.[POD_NAME]?.[0] ?? null }
}

/** For messages: `pod alice/orders-1 (account default)`. */
export function describeCaller({ namespace, account, pod }: Caller): string {
  return pod === null
    ? `account ${namespace}/${account}`
    : `pod ${namespace}/${pod} (account ${account})`
}

/** The token of an `Authorization` header (RFC 6750, section 2.1); null if there is none. */
export function bearerTokenOf(header: string | undefined): string | null {
  return /^bearer +([\w.~+/=-]+)$/i.exec(header ?? '')?.[1] ?? null
}
