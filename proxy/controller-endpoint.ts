/** Where and how the controller is asked: its URL taken apart, and what a request to it is. */
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import { createAskOverStreams, type Ways } from './controller-connection.ts'
import { createAskOverTls } from './controller-tls.ts'

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
  return {
    hostname: absoluteHost(hostname.replace(/^\[(.*)\]$/, '$1'), clusterDomain),
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

/** Asks the controller at a URL. */
export function createAskController(url: string, clusterDomain: string, ways: Ways): AskController {
  const target = controllerTarget(url, clusterDomain)
  return target.secure ? createAskOverTls(target) : createAskOverStreams(target, ways)
}
