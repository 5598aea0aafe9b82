/**
 * Dials the controller by TLS. `node:tls` stands on sockets, streams and all of Node's cryptography, and reads the
 * authorities that Node brings along even where others are given: with it a pod took 6.6 MB more than without TLS.
 * OpenSSL, called directly, takes 2.7.
 */
import { loadKoffi } from './koffi.ts'
import { loadOpenSsl, type OpenSsl } from './openssl.ts'
import type { Dial } from './stream.ts'
import { freeTrust, TlsSession, type Trust, trustIn } from './tls-session.ts'
import { TlsStream } from './tls-stream.ts'
import { CONNECT_TIMEOUT_MS } from './transport.ts'

export interface TlsOptions {
  /** The name that the certificate must be for; an address will do. */
  name: string
  /** Makes the connections below. */
  dial: Dial
  /** How long TCP and TLS together may take, ms; `CONNECT_TIMEOUT_MS` if absent. */
  timeoutMs?: number
}

/**
 * Makes the way to a server that shows a certificate of one of these authorities (PEM) for the name.
 * @throws Error where they are none, and where OpenSSL cannot be called
 */
export type TrustDial = (authorities: string) => Dial

export function createTrustDial({
  name,
  dial,
  timeoutMs = CONNECT_TIMEOUT_MS,
}: TlsOptions): TrustDial {
  let openSsl: OpenSsl | null = null
  let known: { authorities: string; trust: Trust } | null = null
  const trustFor = (authorities: string): Trust => {
    if (known?.authorities === authorities) return known.trust
    // Loaded where it is needed, since not every proxy needs it.
    openSsl ??= loadOpenSsl(loadKoffi())
    const trust = trustIn(openSsl, authorities)
    if (known) freeTrust(known.trust)
    known = { authorities, trust }
    return trust
  }
  return (authorities) => {
    trustFor(authorities)
    // Asked for again with each connection: what it was may have been freed by then.
    return (target) => {
      const session = new TlsSession(trustFor(authorities), name)
      return new TlsStream(dial(target), session, timeoutMs)
    }
  }
}
