/** Gives the running server a new certificate in time, without closing a connection. */
import type { Server } from 'node:https'
import type { Log } from '../core/log.ts'
import { createLeaf, expiryOf, type KeyPair, LEAF_LIFE_MS } from './certificate.ts'
import type { Metrics } from './metrics.ts'

export interface RenewalParts {
  authority: KeyPair
  server: Server
  metrics: Metrics
  /** Wall clock. */
  now: () => Date
  log: Log
  /** How often the age is looked at, in ms. */
  checkMs?: number
}

/** Once a minute, by the wall clock: a machine that was suspended, or whose clock was set, is seen to soon. */
const CHECK_MS = 60 * 1000
/** A leaf is replaced after two thirds of its life, which leaves ten days for a failure to be seen. */
const RENEW_AFTER_MS = (LEAF_LIFE_MS * 2) / 3

export function keepLeafFresh(parts: RenewalParts): { stop(): void } {
  const { authority, server, metrics, now, log, checkMs = CHECK_MS } = parts
  let made = now().getTime()
  const renew = async () => {
    const age = now().getTime() - made
    // A clock that was set back makes the leaf begin in the future, when nobody takes it yet.
    if (age >= 0 && age < RENEW_AFTER_MS) return
    const leaf = await createLeaf(authority, now())
    server.setSecureContext({ cert: leaf.cert, key: leaf.key, minVersion: 'TLSv1.2' })
    made = now().getTime()
    metrics.certificateExpiry(expiryOf(leaf))
    log.info({ expires: expiryOf(leaf) }, 'certificate renewed')
  }
  const onError = (error: Error) => log.error({ error: error.message }, 'certificate not renewed')
  const timer = setInterval(() => void renew().catch(onError), checkMs).unref()
  return { stop: () => clearInterval(timer) }
}
