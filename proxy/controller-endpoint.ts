/** Where and how the controller is asked: its URL taken apart, and what a request to it is. */
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import { createAskAdmitted, createAskOverStreams, type Ways } from './controller-connection.ts'
import type { IdentityKeeper } from './controller-identity.ts'
import { createTrustDial } from './controller-tls.ts'

export interface ControllerRequest {
  method: 'GET' | 'POST'
  /** With the query. */
  path: string
  /** Besides what the transport itself has to say: host, connection, length. */
  headers: Readonly<Record<string, string>>
  body?: string
  /** Longest time without a byte from the controller, ms. */
  silenceMs: number
}

/** Hears the answer. `onEnd` or `onFail` comes last, and once; nothing comes after `abort`. */
export interface AnswerListener {
  onStatus(status: number): void
  /** A part of the body; the bytes are the listener's own. */
  onData(bytes: Buffer): void
  onEnd(): void
  /** There was no answer, or no whole one. */
  onFail(problem: string): void
}

export type AskController = (
  request: ControllerRequest,
  listener: AnswerListener,
) => { abort(): void }

export interface ControllerTarget {
  /** The host as the URL writes it, for which its certificate must be. */
  name: string
  /** The same for the resolver. */
  hostname: string
  hostHeader: string
  port: number
  prefix: string
  secure: boolean
}

/** Splits the URL and makes its host absolute; pure. */
export function controllerTarget(url: string, clusterDomain: string): ControllerTarget {
  const { protocol, hostname, host, port, pathname } = new URL(url)
  const secure = protocol === 'https:'
  const plain = hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    name: plain.replace(/\.$/, ''),
    hostname: absoluteHost(plain, clusterDomain),
    hostHeader: host.replace(/\.(?=:\d+$|$)/, ''),
    port: Number(port || (secure ? '443' : '80')),
    prefix: pathname.replace(/\/$/, ''),
    secure,
  }
}

/**
 * Writes a Service's name out in full, with a dot at its end. Without it, and with `ndots:5`, the
 * resolver would first try the name below every search domain, of which a pod in a deep space has many.
 */
export function absoluteHost(host: string, clusterDomain: string): string {
  if (host.endsWith(`.svc.${clusterDomain}`)) return `${host}.`
  if (host.endsWith('.svc')) return `${host}.${clusterDomain}.`
  // `<service>.azds`; other names of two labels may be anybody's.
  const isOurs = host.split('.').length === 2 && host.endsWith(`.${SYSTEM_NAMESPACE}`)
  return isOurs ? `${host}.svc.${clusterDomain}.` : host
}

export interface EndpointWays extends Ways {
  /** Who asks; not looked at where the URL is `http:`. */
  identity: IdentityKeeper
}

/** Asks the controller at a URL: by TLS and with the proxy's token if it is `https:`. */
export function createAskController(
  url: string,
  clusterDomain: string,
  ways: EndpointWays,
): AskController {
  const target = controllerTarget(url, clusterDomain)
  if (!target.secure) return createAskOverStreams(target, ways)
  const { identity, resolve, dial } = ways
  const trust = createTrustDial({ name: target.name, dial })
  const ask = createAskAdmitted(target, resolve, async () => {
    const { token, authorities } = await identity.current()
    return { fields: { authorization: `Bearer ${token}` }, dial: trust(authorities) }
  })
  return (request, listener) =>
    ask(request, {
      onStatus: (status) => {
        if (status === 401) identity.refused()
        listener.onStatus(status)
      },
      onData: (bytes) => listener.onData(bytes),
      onEnd: () => listener.onEnd(),
      onFail: (problem) => listener.onFail(problem),
    })
}
