/** The controller as a whole: spaces, health, the viewer's files, and a restart. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { settings } from '../../controller/config.ts'
import { readConfig } from '../../core/config.ts'
import { sampleTrace, traceIdOf } from '../core/sample-records.ts'
import { FakeKube } from './fake-kube.ts'
import { service, slice, space } from './kube-objects.ts'
import { startTestController, type TestController } from './running.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(env = {}, kube = new FakeKube()): Promise<TestController> {
  const controller = await startTestController(env, kube)
  cleanUps.push(controller.close)
  return controller
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'azds-controller-'))
  cleanUps.push(() => rmSync(directory, { recursive: true }))
  return directory
}

const json = async (url: string) => (await fetch(url)).json()

async function untilReady({ url }: TestController): Promise<void> {
  for (let tries = 0; tries < 1500; tries += 1) {
    if ((await fetch(`${url}/readyz`)).ok) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the controller did not become ready')
}

test('spaces are listed from the root down, with what runs in them and what is wrong', async () => {
  const kube = new FakeKube()
  for (const one of [space('lost', 'gone'), space('alice', 'dev'), space('dev')]) {
    kube.put('namespaces', one)
  }
  kube.put('services', service('dev', 'web'))
  kube.put('endpointslices', slice('dev', 'web', ['10.0.0.1', '10.0.0.2']))
  kube.put('services', service('alice', 'orders'))
  const controller = await start({}, kube)
  await untilReady(controller)
  expect(await json(`${controller.url}/v1/spaces`)).toEqual([
    {
      name: 'dev',
      parent: null,
      path: 'dev',
      problem: null,
      services: [{ name: 'web', ready: 2 }],
    },
    {
      name: 'alice',
      parent: 'dev',
      path: 'dev/alice',
      problem: null,
      services: [{ name: 'orders', ready: 0 }],
    },
    {
      name: 'lost',
      parent: 'gone',
      path: 'lost',
      problem: {
        code: 'parent-missing',
        space: 'lost',
        parent: 'gone',
        message: expect.stringContaining('names the parent "gone", which is not a space'),
      },
      services: [],
    },
  ])
})

test('before the first lists, spaces are not known rather than none', async () => {
  const kube = new FakeKube()
  kube.hold = new Promise(() => {})
  const { url } = await start({}, kube)
  const answer = await fetch(`${url}/v1/spaces`)
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ error: { code: 'not-ready' } })
  expect(await json(`${url}/readyz`)).toEqual({ ready: false, waitingFor: ['api-server-lists'] })
  expect(await json(`${url}/healthz`)).toEqual({ ok: true })
})

test('metrics tell what the store holds', async () => {
  const { url } = await start()
  const body = JSON.stringify({ namespace: 'dev', pod: 'p', dropped: 0, records: sampleTrace() })
  await fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('azds_controller_traces 1')
  expect(metrics).toContain('azds_controller_trace_records 5')
  expect(metrics).toContain('azds_controller_records_total{outcome="stored"} 5')
})

test('the viewer is served with a policy that runs nothing but its own files', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'index.html'), '<title>viewer</title>')
  const { url } = await start({ AZDS_VIEWER_DIR: directory })
  const answer = await fetch(url)
  expect(await answer.text()).toBe('<title>viewer</title>')
  expect(answer.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'/,
  )
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  for (const path of ['/../app.ts', '/%2e%2e/%2e%2e/etc/passwd', '/nothing.js']) {
    expect((await fetch(url + path)).status).toBeGreaterThanOrEqual(400)
  }
})

test('without a built viewer the first page says how to get it', async () => {
  const { url } = await start()
  expect(await json(url)).toMatchObject({
    error: { code: 'no-viewer', message: expect.stringContaining('npm run build') },
  })
})

test('a restart keeps traces', async () => {
  const env = { AZDS_DATA_DIR: temporaryDirectory() }
  const first = await startTestController(env)
  await fetch(`${first.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: 'dev', pod: 'p', dropped: 0, records: sampleTrace() }),
  })
  await first.close()
  const { url } = await start(env)
  expect(await json(`${url}/v1/traces/${traceIdOf(7)}`)).toMatchObject({ records: sampleTrace() })
})

test('a port that is taken is said and nothing is left open', async () => {
  const first = await start()
  const env = { AZDS_CONTROLLER_PORT: String(first.address.port) }
  await expect(startTestController(env)).rejects.toThrow(/EADDRINUSE/)
})

test('every setting has a default, and mistakes are told together', () => {
  expect(readConfig(settings, {}).ok).toBe(true)
  const result = readConfig(settings, { AZDS_MAX_TRACES: 'many', AZDS_CONTROLLER_PORT: '99999' })
  expect(result).toEqual({ ok: false, mistakes: [expect.any(String), expect.any(String)] })
})
