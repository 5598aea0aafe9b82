/** A server of its own API group behind the API server under test, as far as the tests need one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { makeServingCertificate } from '../../../../playground/apiserver/certificates.ts'
import type { ApiServer } from '../../../../playground/apiserver/server.ts'
import { call } from '../api-client.ts'

export interface Backend {
  port: number
  caBundle: string
  requests: { method: string; url: string; headers: IncomingMessage['headers']; proven: boolean }[]
  connections(): number
  close(): Promise<void>
}

const RESOURCES = [
  {
    name: 'traces',
    singularName: 'trace',
    namespaced: true,
    kind: 'Trace',
    verbs: ['get', 'list', 'watch'],
  },
]

/** @param answer whatever is no discovery; the head of the answer is not yet written */
export async function startBackend(
  server: ApiServer,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Backend> {
  const { caPem, certPem, keyPem } = await makeServingCertificate(
    [{ type: 'dns', value: 'azds-api.azds.svc' }],
    new Date(),
  )
  const config = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication'
  const { body } = await call(server, 'GET', config)
  const requests: Backend['requests'] = []
  let connections = 0
  const https = createServer(
    {
      cert: certPem,
      key: keyPem,
      ca: body.data['requestheader-client-ca-file'],
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      const { method = '', url = '', headers } = request
      const socket = request.socket as TLSSocket
      const name = socket.getPeerCertificate().subject?.CN
      const proven = socket.authorized && name === 'front-proxy-client'
      requests.push({ method, url, headers, proven })
      const json = (value: object) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(value))
      }
      if (url === '/apis/azds.io/v1') {
        return json({
          kind: 'APIResourceList',
          apiVersion: 'v1',
          groupVersion: 'azds.io/v1',
          resources: RESOURCES,
        })
      }
      if (url.startsWith('/apis/azds.io/v1/')) return answer(request, response)
      response.writeHead(404).end()
    },
  )
  https.on('secureConnection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  return {
    port: (https.address() as AddressInfo).port,
    caBundle: Buffer.from(caPem).toString('base64'),
    requests,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        https.close(() => resolve())
        https.closeAllConnections()
      }),
  }
}

/** The Service and the APIService of a backend; a name leads to this machine, for want of a network. */
export function registrationOf({ port, caBundle }: Backend): object[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'azds' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'azds-api', namespace: 'azds' },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1.azds.io' },
      spec: {
        group: 'azds.io',
        version: 'v1',
        groupPriorityMinimum: 1000,
        versionPriority: 15,
        caBundle,
        service: { namespace: 'azds', name: 'azds-api', port },
      },
    },
  ]
}
