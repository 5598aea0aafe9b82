import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import { PodTokens, type RequestToken } from '../../playground/node/pod-tokens.ts'
import type { VolumeSpec } from '../../playground/node/pod-view.ts'
import { PodVolumes } from '../../playground/node/pod-volumes.ts'
import { until } from './apiserver/api-client.ts'
import { pod } from './pod.ts'

let dir: string
let volumes: PodVolumes | null = null
let config: Record<string, string> | null
let now: number
let issued: string[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'azds-volumes-'))
  config = null
  now = 1_000_000
  issued = []
})

afterEach(async () => {
  await volumes?.close()
  await rm(dir, { recursive: true })
})

const request: RequestToken = async (_, { audience = 'api', expirationSeconds = 3600 }) => {
  const token = `${audience}-${issued.length}`
  issued.push(token)
  return { token, expires: now + expirationSeconds * 1000 }
}

const IDENTITY: VolumeSpec = {
  name: 'identity',
  projected: {
    sources: [
      { serviceAccountToken: { audience: 'x', expirationSeconds: 600, path: 'token' } },
      { configMap: { name: 'ca', optional: true, items: [{ key: 'ca.crt', path: 'sub/ca.crt' }] } },
    ],
  },
}

function start(...specs: VolumeSpec[]): PodVolumes {
  const running = pod({ volumes: specs })
  volumes = new PodVolumes({
    pod: () => running,
    dir,
    tokens: new PodTokens(request, () => now),
    facts: async (current, token) => ({
      pod: current,
      podIps: [],
      configMap: () => config,
      secret: () => null,
      token,
      caCertificate: '',
    }),
    now: () => now,
    log: silentLog,
  })
  return volumes
}

const read = (file: string) => readFile(join(dir, 'identity', file), 'utf8').catch(() => null)

test('an optional source that appears later appears, one that goes, goes', async () => {
  const running = start(IDENTITY)
  expect(await running.mount()).toMatchObject({ ok: true })
  expect([await read('token'), await read('sub/ca.crt')]).toEqual(['x-0', null])

  config = { 'ca.crt': 'first' }
  running.refresh()
  await until('the file', async () => (await read('sub/ca.crt')) === 'first')
  config = { 'ca.crt': 'second' }
  running.refresh()
  await until('the new content', async () => (await read('sub/ca.crt')) === 'second')
  config = null
  running.refresh()
  await until('its end', async () => (await read('sub/ca.crt')) === null)
  expect(await read('token')).toBe('x-0')
  const shown = (await readdir(join(dir, 'identity'))).filter((name) => !name.startsWith('..'))
  expect(shown).toEqual(['token'])
})

test('a state is swapped as a whole: one link leads to all files, and old states are removed', async () => {
  const running = start(IDENTITY)
  config = { 'ca.crt': 'first' }
  await running.mount()
  const place = join(dir, 'identity')
  const first = await readlink(join(place, '..data'))
  expect(await readlink(join(place, 'token'))).toBe('..data/token')
  config = { 'ca.crt': 'second' }
  running.refresh()
  await until('the next state', async () => (await readlink(join(place, '..data'))) !== first)
  await until('one state', async () => (await readdir(place)).length === 4)
  expect((await readdir(place)).sort()).toEqual([
    await readlink(join(place, '..data')),
    '..data',
    'sub',
    'token',
  ])
})

test('without a change nothing is written', async () => {
  const running = start(IDENTITY)
  await running.mount()
  const before = await readlink(join(dir, 'identity', '..data'))
  running.refresh()
  await running.close()
  expect(await readlink(join(dir, 'identity', '..data'))).toBe(before)
})

test('a token is renewed once four fifths of its time are over', async () => {
  const running = start(IDENTITY)
  await running.mount()
  now += 479_000
  running.refresh()
  await until('nothing', async () => (await read('token')) === 'x-0')
  now += 2000
  running.refresh()
  await until('the next token', async () => (await read('token')) === 'x-1')
  expect(issued).toEqual(['x-0', 'x-1'])
})

test('the next renewal comes by itself', async () => {
  const fast = { ...IDENTITY.projected?.sources?.[0]?.serviceAccountToken, path: 'token' }
  const running = start({
    name: 'identity',
    projected: { sources: [{ serviceAccountToken: { ...fast, expirationSeconds: 0 } }] },
  })
  await running.mount()
  await until('a second token', async () => issued.length >= 2)
})

test('a source that is missing keeps a new pod waiting, and a running one as it is', async () => {
  const running = start({ name: 'identity', configMap: { name: 'settings' } })
  expect(await running.mount()).toMatchObject({ ok: false })
  config = { a: '1' }
  expect(await running.mount()).toMatchObject({ ok: true })
  config = null
  running.refresh()
  await running.close()
  expect(await read('a')).toBe('1')
})

test('modes are what the volume says', async () => {
  const running = start({ name: 'identity', configMap: { name: 'c', defaultMode: 0o400 } })
  config = { a: '1' }
  await running.mount()
  expect((await stat(join(dir, 'identity', 'a'))).mode & 0o777).toBe(0o400)
})
