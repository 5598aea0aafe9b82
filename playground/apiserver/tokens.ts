/** Bearer tokens: one for the admin, and signed ones for service accounts. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ADMIN, serviceAccountUser, type User } from './caller.ts'

interface Claims {
  iss: string
  sub: string
  aud: string[]
  iat: number
  exp: number
}

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
/** Lifetime of a token that names none, in seconds: longer than any playground lives. */
const DEFAULT_LIFETIME_S = 365 * 24 * 3600

export class Tokens {
  readonly admin: string = randomBytes(24).toString('base64url')
  readonly #key = randomBytes(32)
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
  }

  /** A token for a service account; `lifetimeS` in seconds. */
  issue(
    namespace: string,
    name: string,
    lifetimeS = DEFAULT_LIFETIME_S,
  ): { token: string; expires: Date } {
    const iat = Math.floor(this.#now().getTime() / 1000)
    const claims: Claims = {
      iss: ISSUER,
      sub: `system:serviceaccount:${namespace}:${name}`,
      aud: [ISSUER],
      iat,
      exp: iat + lifetimeS,
    }
    const payload = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
    const token = `${payload}.${this.#sign(payload).toString('base64url')}`
    return { token, expires: new Date(claims.exp * 1000) }
  }

  /** Who a token stands for; null if it is not one of ours or is out of date. */
  userOf(token: string): User | null {
    if (sameText(token, this.admin)) return ADMIN
    const dot = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(dot + 1), 'base64url')
    const expected = this.#sign(token.slice(0, Math.max(dot, 0)))
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return null
    const claims = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    ) as Claims
    if (claims.exp * 1000 < this.#now().getTime()) return null
    const [, , namespace = '', name = ''] = claims.sub.split(':')
    return serviceAccountUser(namespace, name)
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
