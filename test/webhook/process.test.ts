/** The program as a process: configuration from its environment, signals, exit codes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import { COLLECTION, MemoryApi } from '../core/kube/memory-api.ts'
import { NODES, TREE } from './cluster-fixture.ts'

const MAIN = join(import.meta.dirname, '../../webhook/main.ts')
const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp()
})

/** The API server in memory behind HTTP. */
async function serve(api: MemoryApi): Promise<Server> {
  const server = createServer((request, response) => {
    answer(api, request, response).catch((error: unknown) => {
      response.writeHead(error instanceof KubeError ? error.status : 500)
      response.end(JSON.stringify({ message: String(error) }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

async function answer(api: MemoryApi, request: IncomingMessage, response: ServerResponse) {
  const { client } = api
  const { url = '', method } = request
  let body = ''
  for await (const chunk of request) body += chunk
  if (url.includes('watch=true')) {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    response.flushHeaders()
    await client.lines(url, (line) => response.write(`${line}\n`), gone.signal)
    return
  }
  const call = {
    GET: () => client.get(url),
    POST: () => client.create(url, JSON.parse(body)),
    PATCH: () => patch(client, request, body),
  }[method ?? '']
  response.end(JSON.stringify(await call?.()))
}

/** Server-side apply is a PATCH of its own content type. */
function patch(client: KubeClient, { url = '', headers }: IncomingMessage, body: string) {
  const [path = '', query] = url.split('?')
  if (headers['content-type'] !== 'application/apply-patch+yaml')
    return client.patch(url, 'application/json-patch+json', JSON.parse(body))
  const manager = new URLSearchParams(query).get('fieldManager') ?? ''
  return client.apply(path, JSON.parse(body), { manager })
}

function kubeconfigFor(server: Server): string {
  const folder = mkdtempSync(join(tmpdir(), 'azds-webhook-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const path = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    // Plain HTTP needs the flag.
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}

interface Program {
  child: ChildProcess
  lines: string[]
  errors: string[]
  code: Promise<number | null>
}

function run(env: Record<string, string>): Program {
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  cleanUps.push(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const errors: string[] = []
  child.stdout.on('data', (data) => lines.push(...String(data).trim().split('\n')))
  child.stderr.on('data', (data) => errors.push(...String(data).trim().split('\n')))
  const code = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, lines, errors, code }
}

async function line(program: Program, message: string): Promise<void> {
  for (let tries = 0; tries < 1500; tries += 1) {
    if (program.lines.some((text) => text.includes(`"msg":"${message}"`))) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(
    `no "${message}" within 30 s: ${[...program.lines, ...program.errors].join('\n')}`,
  )
}

test('it starts from its environment, registers itself, and ends with 0 after SIGTERM', async () => {
  const api = new MemoryApi()
  for (const namespace of TREE) api.put(COLLECTION.namespaces, namespace)
  for (const node of NODES) api.put(COLLECTION.nodes, node)
  const webhooks = [{ name: 'inject.azds.io', clientConfig: {} }]
  const configuration = { metadata: { name: 'azds-webhook' }, webhooks }
  api.put(COLLECTION.configurations, configuration)
  const program = run({
    KUBECONFIG: kubeconfigFor(await serve(api)),
    AZDS_WEBHOOK_PORT: '0',
    AZDS_METRICS_PORT: '0',
    AZDS_DRAIN_SECONDS: '0',
  })
  await line(program, 'listening')
  await line(program, 'authority registered')
  program.child.kill('SIGTERM')
  expect(await program.code).toBe(0)
  expect(program.errors).toEqual([])
  expect(api.objects.has(`${COLLECTION.secrets}/azds-webhook-ca`)).toBe(true)
}, 30_000)

test('a wrong environment is reported whole, with exit code 64', async () => {
  const program = run({
    AZDS_WEBHOOK_PORT: '70000',
    AZDS_PROXY_RESOURCES: '{"limits":{}}',
    AZDS_CLUSTER_DOMAIN: 'Cluster.local.',
    AZDS_CONTROLLER_URL: 'azds-controller',
  })
  expect(await program.code).toBe(64)
  expect(program.errors).toEqual([
    expect.stringMatching(/^AZDS_CLUSTER_DOMAIN="Cluster.local.": expected a DNS domain/),
    expect.stringMatching(/^AZDS_WEBHOOK_PORT="70000": expected a whole number/),
    expect.stringMatching(/^AZDS_CONTROLLER_URL="azds-controller": expected an http/),
    expect.stringMatching(/^AZDS_PROXY_RESOURCES=.*expected resources, but it has the unknown key/),
  ])
}, 30_000)

test('without a cluster it ends with 1 and says what is missing', async () => {
  const program = run({ KUBECONFIG: '/nonexistent/kubeconfig' })
  expect(await program.code).toBe(1)
  expect(program.lines.join()).toMatch(/webhook cannot run|\/nonexistent\/kubeconfig/)
}, 30_000)
