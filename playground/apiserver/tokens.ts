/** Bearer tokens: the admin's, those of named users, and signed ones for service accounts. */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { ADMIN, serviceAccountUser, type User } from './caller.ts'
import type { ApiObject } from './object.ts'
import type { Store } from './store.ts'

interface Named {
  name: string
  uid: string
}

/** The claims of RFC 7519 and what Kubernetes adds to them. */
interface Claims {
  iss: string
  sub: string
  aud: string[]
  iat: number
  exp: number
  jti: string
  'kubernetes.io': {
    namespace: string
    serviceaccount: Named
    pod?: Named
    node?: { name: string }
  }
}

export interface TokenWish {
  namespace: string
  account: Named
  /** Who may take it for good; empty: the API server. */
  audiences?: readonly string[]
  /** In seconds. */
  lifetimeS?: number
  /** The token ends with this pod. */
  pod?: ApiObject
}

export type TokenCheck =
  | { ok: true; user: User; audiences: string[] }
  | { ok: false; error: string }

export const ISSUER = 'https://kubernetes.default.svc.cluster.local'
/** Lifetime of a token that names none, in seconds: longer than any playground lives. */
const DEFAULT_LIFETIME_S = 365 * 24 * 3600
/** A pod that is being deleted may need its token for this long (ms) beyond its time to end. */
const DELETION_LEEWAY_MS = 60_000

export class Tokens {
  readonly admin: string = randomBytes(24).toString('base64url')
  readonly #users = new Map<string, User>([[this.admin, ADMIN]])
  readonly #key = randomBytes(32)
  readonly #store: Store
  readonly #now: () => Date

  constructor(store: Store, now: () => Date) {
    this.#store = store
    this.#now = now
  }

  /** A token of a person or a program that is no service account. */
  issueForUser(username: string, groups: readonly string[] = []): string {
    const token = randomBytes(24).toString('base64url')
    this.#users.set(token, { username, uid: '', groups: [...groups, 'system:authenticated'] })
    return token
  }

  issue(wish: TokenWish): { token: string; expires: Date } {
    const { namespace, account, pod, lifetimeS = DEFAULT_LIFETIME_S } = wish
    const iat = Math.floor(this.#now().getTime() / 1000)
    const node = pod?.spec?.['nodeName']
    const claims: Claims = {
      iss: ISSUER,
      sub: `system:serviceaccount:${namespace}:${account.name}`,
      aud: wish.audiences?.length ? [...wish.audiences] : [ISSUER],
      iat,
      exp: iat + lifetimeS,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        serviceaccount: account,
        ...(pod && { pod: { name: pod.metadata.name, uid: pod.metadata.uid } }),
        ...(typeof node === 'string' && { node: { name: node } }),
      },
    }
    const payload = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
    const token = `${payload}.${this.#sign(payload).toString('base64url')}`
    return { token, expires: new Date(claims.exp * 1000) }
  }

  /** Who a token stands for, if it is meant for one of these audiences (none: the API server). */
  check(token: string, audiences: readonly string[] = []): TokenCheck {
    const wanted = audiences.length > 0 ? audiences : [ISSUER]
    const known = this.#users.get(token)
    if (known) return audienceCheck(known, [ISSUER], wanted)
    const claims = this.#claimsOf(token)
    if (!claims) return { ok: false, error: 'invalid bearer token' }
    if (claims.exp * 1000 < this.#now().getTime()) {
      return { ok: false, error: '[invalid bearer token, service account token has expired]' }
    }
    const gone = this.#missingOf(claims)
    if (gone) return { ok: false, error: `[invalid bearer token, ${gone}]` }
    return audienceCheck(userOf(claims), claims.aud, wanted)
  }

  #claimsOf(token: string): Claims | null {
    const dot = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(dot + 1), 'base64url')
    const expected = this.#sign(token.slice(0, Math.max(dot, 0)))
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return null
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims
  }

  /** A token is worth nothing once its account or its pod is gone, or another has their name. */
  #missingOf({ 'kubernetes.io': about }: Claims): string | null {
    const { namespace, serviceaccount, pod } = about
    const account = this.#store.get('/serviceaccounts', namespace, serviceaccount.name)
    if (!account) return `serviceaccounts "${serviceaccount.name}" not found`
    if (account.metadata.uid !== serviceaccount.uid) return 'the service account has another uid'
    if (!pod) return null
    const found = this.#store.get('/pods', namespace, pod.name)
    if (found?.metadata.uid !== pod.uid) return 'service account token has been invalidated'
    const { deletionTimestamp } = found.metadata
    if (!deletionTimestamp) return null
    const until = Date.parse(deletionTimestamp) + DELETION_LEEWAY_MS
    return until < this.#now().getTime() ? 'service account token has been invalidated' : null
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

function userOf({ jti, 'kubernetes.io': about }: Claims): User {
  const { namespace, serviceaccount, pod, node } = about
  const extra: Record<string, string[]> = {
    'authentication.kubernetes.io/credential-id': [`JTI=${jti}`],
    ...(node && { 'authentication.kubernetes.io/node-name': [node.name] }),
    ...(pod && {
      'authentication.kubernetes.io/pod-name': [pod.name],
      'authentication.kubernetes.io/pod-uid': [pod.uid],
    }),
  }
  return { ...serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid), extra }
}

function audienceCheck(user: User, has: readonly string[], wanted: readonly string[]): TokenCheck {
  const audiences = wanted.filter((one) => has.includes(one))
  if (audiences.length > 0) return { ok: true, user, audiences }
  const quoted = (list: readonly string[]) => list.map((one) => JSON.stringify(one)).join(' ')
  return {
    ok: false,
    error: `[invalid bearer token, token audiences [${quoted(has)}] is invalid for the target audiences [${quoted(wanted)}]]`,
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
