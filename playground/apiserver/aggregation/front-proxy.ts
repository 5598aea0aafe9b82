/** How this server speaks for its users to the servers behind it: a client certificate and headers. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { internalWrite, type User } from '../caller.ts'
import { type IssuedCertificate, makeClientCertificate } from '../certificates.ts'
import type { Objects } from '../objects.ts'
import { AUTHENTICATION_CONFIG_MAP } from '../rbac/bootstrap.ts'

const COMMON_NAME = 'front-proxy-client'

/** Makes the certificate and publishes, as Kubernetes does, by what the others know it. */
export async function startFrontProxy(objects: Objects): Promise<IssuedCertificate> {
  const certificate = await makeClientCertificate(COMMON_NAME, objects.now())
  const resource = objects.registry.builtIn('v1', 'configmaps')
  const body = {
    metadata: { name: AUTHENTICATION_CONFIG_MAP },
    data: {
      'requestheader-allowed-names': JSON.stringify([COMMON_NAME]),
      'requestheader-client-ca-file': certificate.caPem,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    },
  }
  const place = { resource, namespace: 'kube-system' }
  await objects.create(place, body, internalWrite('kube-apiserver'))
  return certificate
}

/** The headers that say for whom a request is. */
export function remoteHeaders({ username, uid, groups, extra = {} }: User): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'x-remote-user': username, 'x-remote-group': groups }
  if (uid) headers['x-remote-uid'] = uid
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${encodeURIComponent(key).toLowerCase()}`] = values
  }
  return headers
}

/** Never passed on: credentials meant for this server, who somebody claims to be, and the connection. */
const NOT_PASSED_ON =
  /^(authorization|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|x-remote-.*|impersonate-.*)$/

export function forwardedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !NOT_PASSED_ON.test(name))
  return Object.fromEntries(kept) as OutgoingHttpHeaders
}
