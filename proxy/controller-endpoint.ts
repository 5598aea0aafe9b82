/** Where and how the controller is asked: its URL as options of `node:http`. */
import { type ClientRequest, type RequestOptions, request as requestHttp } from 'node:http'
import { SYSTEM_NAMESPACE } from '../core/names.ts'

/** Makes a request to a path of the controller; the caller listens and ends it. */
export type AskController = (path: string, options: RequestOptions) => ClientRequest

/** Splits the URL and makes its host absolute; pure. */
export function controllerTarget(
  url: string,
  clusterDomain: string,
): { hostname: string; hostHeader: string; port: string; prefix: string; secure: boolean } {
  const { protocol, hostname, host, port, pathname } = new URL(url)
  const secure = protocol === 'https:'
  return {
    hostname: absoluteHost(hostname.replace(/^\[(.*)\]$/, '$1'), clusterDomain),
    hostHeader: host.replace(/\.(?=:\d+$|$)/, ''),
    port: port || (secure ? '443' : '80'),
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

export function createAskController(url: string, clusterDomain: string): AskController {
  const target = controllerTarget(url, clusterDomain)
  // Loaded only where it is needed: TLS is 4 MB of every pod's memory.
  const request = target.secure ? process.getBuiltinModule('node:https').request : requestHttp
  return (path, options) =>
    request({
      ...options,
      hostname: target.hostname,
      port: target.port,
      path: target.prefix + path,
      headers: { ...options.headers, host: target.hostHeader },
      // The certificate knows nothing of the dot.
      ...(target.secure ? { servername: target.hostname.replace(/\.$/, '') } : {}),
    })
}
