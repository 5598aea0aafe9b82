/** What the sidecar's bundle loads to be ready: each module of Node that it does not need costs every pod. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { buildProgram } from '../../scripts/build.ts'
import { eventually } from './fake-controller.ts'
import { authority, leaf, tlsFront } from './tls-fixture.ts'

/** Says which modules of Node are loaded, some time after there is a file of that name beside it. */
const SPY = `
const { existsSync } = require('node:fs')
let seen = 0
setInterval(() => {
  if (!existsSync(process.env.SPY_ASKED) || ++seen < 10) return
  // Before standard error is opened, for which there is more to load.
  const loaded = JSON.stringify(process.moduleLoadList)
  process.stderr.write(loaded)
  process.kill(process.pid, 'SIGKILL')
}, 100)
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
  // What it brings along is for watching folders and reading lines.
  ['fs/promises', 1],
]

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
  // Beside it is koffi, as in the image.
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))
  loaded = await loadedBy(spy, { AZDS_CONTROLLER_URL: 'http://127.0.0.1:1' }, async () => {})
  loadedWithTls = await loadedBesideController(spy)
}, 90_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** With a controller that has been asked over TLS. */
async function loadedBesideController(spy: string): Promise<string[]> {
  const ours = await authority()
  writeFileSync(join(folder, 'ca.crt'), ours.cert)
  writeFileSync(join(folder, 'token'), 'token')
  const asked: (string | undefined)[] = []
  const plain = http.createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.end()
  })
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const front = await tlsFront(
    await leaf(ours, ['127.0.0.1']),
    (plain.address() as AddressInfo).port,
  )
  try {
    const AZDS_CONTROLLER_URL = `https://127.0.0.1:${front.port}`
    return await loadedBy(spy, { AZDS_CONTROLLER_URL, AZDS_IDENTITY_DIR: folder }, async () => {
      await eventually('the token', () => asked.includes('Bearer token'), 30_000)
    })
  } finally {
    await front.close()
    plain.close()
  }
}

/** @param isThere resolves when what is to be looked at has happened, besides that it listens */
async function loadedBy(
  spy: string,
  more: Record<string, string>,
  isThere: () => Promise<void>,
): Promise<string[]> {
  const flag = join(folder, 'asked')
  rmSync(flag, { force: true })
  const env = {
    SPY_ASKED: flag,
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
  const closed = new Promise((resolve) => child.once('close', resolve))
  try {
    await eventually('its listeners', () => out.includes('"listening"'), 30_000)
    await isThere()
    writeFileSync(flag, '')
    await closed
  } finally {
    child.kill('SIGKILL')
  }
  return (JSON.parse(list) as string[]).map((name) => name.replace(/^NativeModule /, ''))
}

test('what it needs is loaded, so that the list is one', () => {
  expect(loaded).toEqual(expect.arrayContaining(['fs', 'Internal Binding tcp_wrap']))
})

test.each(NEEDLESS)('%s, which would be %d MB, is not loaded', (name) => {
  expect(loaded).not.toContain(name)
})

test.each(NEEDLESS)('%s, which would be %d MB, is not loaded to ask by TLS', (name) => {
  expect(loadedWithTls).not.toContain(name)
})

test('its text is ASCII: with one other character, be it in a comment, V8 keeps all of it in two bytes each', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/\P{ASCII}/u)
})

test('none of Node’s modules is imported, because that reads all it exports', () => {
  expect(readFileSync(bundle, 'utf8')).not.toMatch(/^import\b/m)
})
