/** The certificate that one server shows: signed in this process, kept in its memory only, renewed in time. */
import type { Server } from 'node:https'
import { CLOCK_SKEW_MS, createLeaf, type KeyPair, validityOf } from './certificate.ts'

export interface Leaf extends KeyPair {
  /** Certificate of the authority that signed it. */
  issuer: string
}

export async function signLeaf(
  authority: KeyPair,
  request: { names: readonly string[]; lifeMs: number; now: Date },
): Promise<Leaf> {
  return { ...(await createLeaf(authority, request)), issuer: authority.cert }
}

/** Whether a leaf must be replaced: another authority signs now, or two thirds of its life are over. */
export function isLeafDue(leaf: Leaf, authority: KeyPair, now: Date): boolean {
  if (leaf.issuer !== authority.cert) return true
  const { from, to } = validityOf(leaf.cert)
  const made = from.getTime() + CLOCK_SKEW_MS
  const age = now.getTime() - made
  // A clock that was set back makes the leaf begin in the future, when nobody takes it yet.
  return age < -CLOCK_SKEW_MS || age >= ((to.getTime() - made) * 2) / 3
}

/**
 * Gives a running server a leaf; connections that are open stay as they are.
 * @param clientAuthorities PEM texts of those whose clients' certificates count, where the server asks for them
 */
export function applySecureContext(
  server: Pick<Server, 'setSecureContext'>,
  { cert, key }: KeyPair,
  clientAuthorities?: readonly string[],
): void {
  // All options again: what is left out falls back to Node's defaults.
  server.setSecureContext({
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(clientAuthorities && { ca: [...clientAuthorities] }),
  })
}
