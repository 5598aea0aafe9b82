/** The aggregated API server over real TLS, with a controller behind it that a test plays. */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTls, request as httpsRequest, type RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeAll } from '@jest/globals'
import type { Access, Attributes } from '../../../controller/api/access-review.ts'
import { createForward } from '../../../controller/api/forward.ts'
import { type FrontProxy, frontProxyOf } from '../../../controller/api/front-proxy.ts'
import { createApiServer } from '../../../controller/api/server.ts'
import type { UserInfo } from '../../../controller/auth/caller.ts'
import type { Review } from '../../../controller/auth/token-review.ts'
import { createLeaf, type KeyPair } from '../../../core/authority/certificate.ts'
import { applySecureContext } from '../../../core/authority/leaf.ts'
import { Readiness } from '../../../core/lifecycle.ts'
import { silentLog } from '../../../core/log.ts'
import { clientCertificate, testAuthority } from './client-certificates.ts'

/** Authorities: of the API server's client certificate, one of the same name, and our own. */
export let frontProxyCa: KeyPair
export let otherCa: KeyPair
export let ownCa: KeyPair
/** What the API server shows. */
export let good: KeyPair
beforeAll(async () => {
  frontProxyCa = await testAuthority('front-proxy-ca')
  otherCa = await testAuthority('front-proxy-ca')
  ownCa = await testAuthority('azds-controller')
  good = await clientCertificate(frontProxyCa)
})

export const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

export const leafOf = () =>
  createLeaf(ownCa, { names: ['localhost', '127.0.0.1'], lifeMs: 3_600_000, now: new Date() })

async function listen(server: Server | ReturnType<typeof createTls>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export const proxyOf = (cas: KeyPair[], names = ['front-proxy-client']): FrontProxy | null =>
  frontProxyOf({
    metadata: {},
    data: {
      'requestheader-client-ca-file': cas.map(({ cert }) => cert).join('\n'),
      'requestheader-allowed-names': JSON.stringify(names),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    },
  })

export interface ServeOptions {
  proxy?: FrontProxy | null
  access?: Access
  review?: Review
  /** What the controller answers; absent: nobody listens there. */
  controller?: (request: IncomingMessage, response: ServerResponse) => void
}

export async function serve(options: ServeOptions = {}) {
  const asked: { user: UserInfo; attributes: Attributes }[] = []
  const errors: string[] = []
  let proxy = options.proxy === undefined ? proxyOf([frontProxyCa]) : options.proxy
  const controller = createTls(
    await leafOf(),
    options.controller ?? ((_, response) => response.end('{}')),
  )
  const controllerPort = await listen(controller)
  if (!options.controller) controller.close()
  const forward = createForward({
    controllerUrl: `https://localhost:${controllerPort}`,
    authorities: () => ownCa.cert,
    token: async () => 'own-token',
    onError: (error) => void errors.push(error.message),
  })
  cleanUps.push(() => forward.close())
  const readiness = new Readiness()
  const leaf = await leafOf()
  const server = createApiServer({
    leaf,
    frontProxy: () => proxy,
    reviewToken: async () => options.review ?? { outcome: 'refused', message: 'no' },
    reviewAccess: async (user, attributes) => {
      asked.push({ user, attributes })
      return options.access ?? { outcome: 'allowed' }
    },
    forward,
    readiness,
    metrics: { contentType: 'text/plain', text: async () => 'azds_api_requests_total 1' },
    onAnswer: () => {},
    now: () => new Date(),
    log: silentLog,
  })
  const trust = (next: FrontProxy | null) => {
    proxy = next
    applySecureContext(server, leaf, next?.authorities.map((one) => one.toString()) ?? [])
  }
  trust(proxy)
  const port = await listen(server)
  return { port, asked, errors, readiness, trust, server }
}

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
  text: string
}

export async function get(
  port: number,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    path,
    ca: ownCa.cert,
    servername: 'localhost',
    agent: false,
    ...options,
  })
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  let body = {}
  try {
    body = JSON.parse(text)
  } catch {
    // Not JSON: the test looks at the text.
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body, text }
}

/** As the API server names a user. */
export const ALICE = { 'X-Remote-User': 'alice', 'X-Remote-Group': ['dev', 'a,b'] }
export const TRACES = '/apis/azds.io/v1/namespaces/alice/traces'
