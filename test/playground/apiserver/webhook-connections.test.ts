import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, expect, jest, test } from '@jest/globals'
import {
  type IssuedCertificate,
  makeServingCertificate,
} from '../../../playground/apiserver/certificates.ts'
import {
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
} from '../../../playground/apiserver/server.ts'
import { pauseForSockets } from '../../proxy/undisturbed.ts'
import { call } from './api-client.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const bundleOf = ({ caPem }: IssuedCertificate) => Buffer.from(caPem).toString('base64')

/** An API server whose config maps a webhook is asked about, which lets all pass. */
async function start(options: Partial<ApiServerOptions> = {}) {
  const server = await startApiServer({ host: '127.0.0.1', port: 0, ...options })
  closing.push(() => server.close())
  const certificate = await makeServingCertificate(
    [{ type: 'dns', value: 'localhost' }],
    new Date(),
  )
  const { certPem: cert, keyPem: key } = certificate
  const sockets: Socket[] = []
  let reviews = 0
  const https = createServer({ cert, key }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    reviews += 1
    const { request: review } = JSON.parse(Buffer.concat(chunks).toString())
    response.end(JSON.stringify({ response: { uid: review.uid, allowed: true } }))
  })
  https.on('secureConnection', (socket) => sockets.push(socket))
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    https.closeAllConnections()
    return new Promise((resolve) => https.close(resolve))
  })
  const { port } = https.address() as AddressInfo
  await call(server, 'POST', CONFIGURATIONS, {
    metadata: { name: 'check' },
    webhooks: [
      {
        name: 'check.example.org',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        clientConfig: { url: `https://localhost:${port}/check`, caBundle: bundleOf(certificate) },
        rules: [
          {
            operations: ['CREATE'],
            apiGroups: [''],
            apiVersions: ['v1'],
            resources: ['configmaps'],
          },
        ],
      },
    ],
  })
  return { server, https, sockets, reviews: () => reviews }
}

let names = 0
const create = async (server: ApiServer) => {
  const path = '/api/v1/namespaces/default/configmaps'
  return (await call(server, 'POST', path, { metadata: { name: `one-${names++}` } })).status
}

test('a connection to a webhook is kept from one review to the next', async () => {
  const { server, sockets, reviews } = await start()
  for (let i = 0; i < 5; i++) expect(await create(server)).toBe(201)
  expect([reviews(), sockets.length]).toEqual([5, 1])
})

test('a new connection for each review, where that is asked for', async () => {
  const { server, sockets, reviews } = await start({ keepWebhookConnections: false })
  for (let i = 0; i < 3; i++) expect(await create(server)).toBe(201)
  expect([reviews(), sockets.length]).toEqual([3, 3])
})

test('a kept connection that the webhook has closed is replaced, unseen by whoever writes', async () => {
  const { server, sockets } = await start()
  expect(await create(server)).toBe(201)
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => sockets.at(-1)?.end(() => resolve(null)))
    // Until the other side has heard of it: a request that meets the end on its way is lost.
    await pauseForSockets(50)
    expect(await create(server)).toBe(201)
  }
  expect(sockets.length).toBe(6)
})

test('kept connections outlive a change of the webhook’s certificate, new ones need its authority', async () => {
  const { server, https, sockets } = await start()
  expect(await create(server)).toBe(201)
  const next = await makeServingCertificate([{ type: 'dns', value: 'localhost' }], new Date())
  https.setSecureContext({ cert: next.certPem, key: next.keyPem })
  expect(await create(server)).toBe(201)
  expect(sockets.length).toBe(1)
  const patch = (caBundle: string) => [
    { op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: caBundle },
  ]
  const type = 'application/json-patch+json'
  await call(server, 'PATCH', `${CONFIGURATIONS}/check`, patch(bundleOf(next)), { type })
  expect(await create(server)).toBe(201)
  expect(sockets.length).toBe(2)
  const other = await makeServingCertificate([{ type: 'dns', value: 'other' }], new Date())
  await call(server, 'PATCH', `${CONFIGURATIONS}/check`, patch(bundleOf(other)), { type })
  expect(await create(server)).toBe(500)
})
