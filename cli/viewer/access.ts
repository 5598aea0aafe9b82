/**
 * Who may use the viewer's server. It answers with the rights of the user who started it, so it must answer nobody
 * else: another user of the machine has not got the link, another site has not got the cookie (SameSite), and a
 * name that leads to 127.0.0.1 is not one of ours (DNS rebinding).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface Access {
  /** What the link carries, once; null where nobody has to show anything. */
  readonly token: string | null
  /** The cookie for who shows the token; null for a wrong one, and for one that was used. */
  redeem(token: string): string | null
  /** Whether a request may be answered. */
  isKnown(headers: IncomingHttpHeaders): boolean
}

/** 256 bits, as text that needs no escape in a link. */
function secret(): string {
  return randomBytes(32).toString('base64url')
}

/** @param port names the cookie, since cookies of 127.0.0.1 are shared by all of its ports */
export function createAccess(port: number): Access {
  const token = secret()
  const session = secret()
  const name = `azds-viewer-${port}`
  let isUsed = false
  return {
    token,
    redeem(shown) {
      if (isUsed || !isEqual(shown, token)) return null
      isUsed = true
      return `${name}=${session}; HttpOnly; SameSite=Strict; Path=/`
    },
    isKnown: ({ cookie = '' }) =>
      cookie.split(/; */).some((one) => {
        const [key, value = ''] = one.split(/=(.*)/s)
        return key === name && isEqual(value, session)
      }),
  }
}

/** For the playground, whose cluster has no secrets: everybody on this machine. */
export const OPEN_ACCESS: Access = { token: null, redeem: () => null, isKnown: () => true }

/** Compares without telling by the time taken where two texts differ. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Whether the `Host` of a request is this machine by a name that nobody else can give it. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${port}`)
}
