/** The client of a pod's own account, against an API server that speaks TLS. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { KubeClient } from '../../../core/kube/client.ts'
import { apiServiceOf, connect } from '../../../core/kube/connect.ts'
import { createInClusterClient } from '../../../core/kube/in-cluster.ts'
import { authorityFor, type TestAuthority } from './tls-fixture.ts'

let directory: string
let server: Server
let tokens: (string | undefined)[]
let authority: TestAuthority
let clock: number

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'azds-account-'))
  authority = await authorityFor('127.0.0.1')
  tokens = []
  clock = 0
  server = createServer(authority.leaf, (request, response) => {
    tokens.push(request.headers.authorization)
    response.end('{"kind":"Thing"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await writeFile(join(directory, 'ca.crt'), authority.cert)
  await writeFile(join(directory, 'token'), 'one\n')
})

afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(directory, { recursive: true })
})

function clientAt(host = '127.0.0.1'): KubeClient {
  const port = String((server.address() as AddressInfo).port)
  const now = () => clock
  return createInClusterClient({ host, port, namespace: 'azds', userAgent: 'test', directory, now })
}

test('token and authority come from the mounted files, and the token is read again in time', async () => {
  const client = clientAt()
  expect(await client.get('/x')).toEqual({ kind: 'Thing' })
  await writeFile(join(directory, 'token'), 'two\n')
  clock = 30_000
  await client.get('/x')
  clock = 61_000
  await client.get('/x')
  expect(tokens).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
})

test('a server of another authority is refused, until the file names that one', async () => {
  const other = await authorityFor('127.0.0.1')
  const client = clientAt()
  server.setSecureContext(other.leaf)
  await expect(client.get('/x')).rejects.toThrow(/certificate|signature/)
  await writeFile(join(directory, 'ca.crt'), other.cert)
  clock = 61_000
  expect(await client.get('/x')).toEqual({ kind: 'Thing' })
})

test('what was read last holds while the files cannot be read', async () => {
  const client = clientAt()
  await client.get('/x')
  await rm(join(directory, 'token'))
  clock = 61_000
  await client.get('/x')
  expect(tokens).toEqual(['Bearer one', 'Bearer one'])
})

test('a pod without an account is told what to look at', async () => {
  await rm(join(directory, 'token'))
  await expect(clientAt().get('/x')).rejects.toThrow(
    /no service account is mounted at .*token.*automountServiceAccountToken/,
  )
})

test('no proxy of the environment is asked', async () => {
  process.env['HTTPS_PROXY'] = 'http://127.0.0.1:9'
  try {
    expect(await clientAt().get('/x')).toEqual({ kind: 'Thing' })
  } finally {
    delete process.env['HTTPS_PROXY']
  }
})

test('an IPv6 address is written in brackets', () => {
  expect(clientAt('fd00::1').server).toMatch(/^https:\/\/\[fd00::1\]:\d+$/)
})

test('a program uses its own account in a cluster, and a kubeconfig where it is told one', async () => {
  const service = apiServiceOf({
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
  })
  const about = { namespace: 'azds', userAgent: 'test' }
  const inside = await connect({ kubeconfig: null, service, ...about })
  expect([inside.server, inside.namespace]).toEqual(['https://10.96.0.1:443', 'azds'])
  const path = join(directory, 'kubeconfig')
  const cluster = { server: 'https://there.test' }
  await writeFile(
    path,
    JSON.stringify({
      'current-context': 'x',
      clusters: [{ name: 'c', cluster }],
      contexts: [{ name: 'x', context: { cluster: 'c', namespace: 'alice' } }],
    }),
  )
  const outside = await connect({ kubeconfig: path, service, ...about })
  expect([outside.server, outside.namespace]).toEqual(['https://there.test', 'alice'])
  expect(apiServiceOf({ KUBERNETES_SERVICE_HOST: '10.96.0.1' })).toBeNull()
})
