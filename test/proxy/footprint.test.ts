/** What the sidecar's bundle loads to be ready: each module of Node that it does not need costs every pod. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { buildProgram } from '../../scripts/build.ts'
import { authority } from './tls-fixture.ts'

/** Says which modules of Node are loaded, some time after the listeners are open, and once the awaited one is. */
const SPY = `
const { SPY_AWAITS } = process.env
const timer = setInterval(() => {
  if (SPY_AWAITS && !process.moduleLoadList.includes('NativeModule ' + SPY_AWAITS)) return
  clearInterval(timer)
  // Before standard error is opened, for which there is more to load.
  const loaded = JSON.stringify(process.moduleLoadList)
  process.stderr.write(loaded)
  process.kill(process.pid, 'SIGKILL')
}, 1500)
`

/** Megabytes of resident memory that each of them was, when it was loaded without need. */
const NEEDLESS: [string, number][] = [
  ['net', 4],
  ['_http_server', 1],
  ['_http_client', 2],
  ['internal/deps/undici/undici', 12],
  ['worker_threads', 2],
  ['tls', 4],
  ['crypto', 2],
  ['internal/readline/interface', 1],
  ['dns/promises', 1],
]

/** The same where the controller is asked by TLS, which needs streams, sockets and cryptography. */
const NEEDLESS_WITH_TLS = NEEDLESS.filter(([name]) => !['net', 'tls', 'crypto'].includes(name))
// What it brings along is for watching folders and reading lines.
NEEDLESS_WITH_TLS.push(['fs/promises', 1], ['https', 3])

let folder: string
let bundle: string
let loaded: string[]
let loadedWithTls: string[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'azds-footprint-'))
  await buildProgram('proxy', folder)
  bundle = join(folder, 'proxy.mjs')
  const spy = join(folder, 'spy.cjs')
  writeFileSync(spy, SPY)
  // The authority is one that it never comes to use: nothing listens there.
  writeFileSync(join(folder, 'ca.crt'), (await authority()).cert)
  writeFileSync(join(folder, 'token'), 'token')
  loaded = await loadedBy(spy, { AZDS_CONTROLLER_URL: 'http://127.0.0.1:1' })
  loadedWithTls = await loadedBy(spy, {
    AZDS_CONTROLLER_URL: 'https://127.0.0.1:1',
    AZDS_IDENTITY_DIR: folder,
    SPY_AWAITS: 'tls',
  })
}, 90_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function loadedBy(spy: string, more: Record<string, string>): Promise<string[]> {
  const env = {
    AZDS_MODE: 'gateway',
    AZDS_POD_NAME: 'gateway',
    AZDS_POD_NAMESPACE: 'azds',
    AZDS_GATEWAY_PORT: '0',
    AZDS_ADMIN_PORT: '0',
    ...more,
  }
  const child = spawn(process.execPath, ['--require', spy, bundle], { env })
  let out = ''
  let list = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    list += data
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 40_000)
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  expect(out).toContain('"listening"')
  return (JSON.parse(list) as string[]).map((name) => name.replace(/^NativeModule /, ''))
}

test('what it needs is loaded, so that the list is one', () => {
  expect(loaded).toEqual(expect.arrayContaining(['fs', 'Internal Binding tcp_wrap']))
})

test.each(NEEDLESS)('%s, which would be %d MB, is not loaded', (name) => {
  expect(loaded).not.toContain(name)
})

test.each(NEEDLESS_WITH_TLS)('%s, which would be %d MB, is not loaded with TLS', (name) => {
  expect(loadedWithTls).toContain('tls')
  expect(loadedWithTls).not.toContain(name)
})

test('its text is ASCII: with one other character, be it in a comment, V8 keeps all of it in two bytes each', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/\P{ASCII}/u)
})

test('none of Node’s modules is imported, because that reads all it exports', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/^import\b/m)
})
