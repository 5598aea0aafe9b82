/** What the sidecar's bundle loads to be ready: each module of Node that it does not need costs every pod. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { buildProgram } from '../../scripts/build.ts'

/** Says which modules of Node are loaded, some time after the listeners are open. */
const SPY = `
setTimeout(() => {
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

let folder: string
let bundle: string
let loaded: string[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'azds-footprint-'))
  await buildProgram('proxy', folder)
  bundle = join(folder, 'proxy.mjs')
  const spy = join(folder, 'spy.cjs')
  writeFileSync(spy, SPY)
  const env = {
    AZDS_MODE: 'gateway',
    AZDS_POD_NAME: 'gateway',
    AZDS_POD_NAMESPACE: 'azds',
    AZDS_GATEWAY_PORT: '0',
    AZDS_ADMIN_PORT: '0',
    AZDS_CONTROLLER_URL: 'http://127.0.0.1:1',
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
  await new Promise((resolve) => child.once('close', resolve))
  expect(out).toContain('"listening"')
  loaded = (JSON.parse(list) as string[]).map((name) => name.replace(/^NativeModule /, ''))
}, 20_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('what it needs is loaded, so that the list is one', () => {
  expect(loaded).toEqual(expect.arrayContaining(['fs', 'Internal Binding tcp_wrap']))
})

test.each(NEEDLESS)('%s, which would be %d MB, is not loaded', (name) => {
  expect(loaded).not.toContain(name)
})

test('its text is ASCII: with one other character, be it in a comment, V8 keeps all of it in two bytes each', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/\P{ASCII}/u)
})

test('none of Node’s modules is imported, because that reads all it exports', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/^import\b/m)
})
