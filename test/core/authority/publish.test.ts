/** What stands in `caBundle`: planned as data, and kept in an API server in memory. */
import { afterEach, expect, test } from '@jest/globals'
import { bundleOf, certificatesIn, createAuthority } from '../../../core/authority/certificate.ts'
import { keepPublished, type Publication, plannedBundle } from '../../../core/authority/publish.ts'
import { type Cached, watchCache } from '../../../core/kube/cache.ts'
import type { ApiService } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'
import { MemoryApi } from '../kube/memory-api.ts'

const make = () => createAuthority({ subject: 'x', lifeMs: 3_600_000, now: new Date() })
const [a, b, c] = (await Promise.all([make(), make(), make()])).map(({ cert }) => cert) as [
  string,
  string,
  string,
]
const encoded = (...certs: string[]) => Buffer.from(bundleOf(certs)).toString('base64')
const settleMs = 600_000
const plan = (
  live: string | undefined,
  wanted: string[],
  since: Map<string, number> = new Map(),
  now = 0,
) => plannedBundle(live, bundleOf(wanted), since, { now, settleMs })

test.each([
  ['nothing is there', undefined, [a], encoded(a)],
  ['it is empty', '', [a], encoded(a)],
  ['all is there', encoded(a), [a], encoded(a)],
  ['all is there, in another order', encoded(b, a), [a, b], encoded(b, a)],
  ['one is missing', encoded(a), [a, b], encoded(a, b)],
  ['a stranger is there', encoded(c), [a], encoded(a, c)],
  ['a stranger is there beside ours', encoded(a, c), [a], encoded(a, c)],
  ['it is no base64 of anything', '%%%', [a], encoded(a)],
  ['there is junk beside ours', btoa(`${a}junk\n`), [a], encoded(a)],
])('%s', (_, live, wanted, expected) => {
  expect(plan(live, wanted)).toBe(expected)
})

test('a stranger is taken out when the settle time is over, not before', () => {
  const since = new Map<string, number>()
  const live = encoded(a, c)
  expect(plan(live, [a], since, 1000)).toBe(live)
  expect(plan(live, [a], since, 600_999)).toBe(live)
  expect(plan(live, [a], since, 601_000)).toBe(encoded(a))
})

const PATH = '/apis/apiregistration.k8s.io/v1/apiservices'
let cache: Cached<ApiService> | null = null
let publication: Publication | null = null
afterEach(() => {
  publication?.stop()
  cache?.stop()
})

interface World {
  api: MemoryApi
  wanted: { bundle: string }
  told: string[]
  publication: Publication
}

const service = (caBundle?: string): ApiService => ({
  metadata: { name: 'v1.azds.io' },
  spec: { group: 'azds.io', ...(caBundle !== undefined && { caBundle }) },
})

async function follow(first: ApiService | null): Promise<World> {
  const api = new MemoryApi()
  if (first) api.put(PATH, first)
  const copies = watchCache<ApiService>(api.client, PATH, silentLog)
  cache = copies
  await copies.synced
  const told: string[] = []
  const wanted = { bundle: bundleOf([a]) }
  publication = keepPublished({
    client: api.client,
    copies,
    name: 'v1.azds.io',
    path: `${PATH}/v1.azds.io`,
    placesIn: ({ spec }) => [{ pointer: '/spec/caBundle', live: spec.caBundle }],
    bundle: () => wanted.bundle,
    manager: 'azds-api',
    settleMs,
    steady: () => performance.now(),
    log: silentLog,
    onPublished: () => told.push('published'),
    onRepaired: () => told.push('repaired'),
  })
  return { api, wanted, told, publication }
}

const live = (api: MemoryApi) => {
  const bundle = (api.objects.get(`${PATH}/v1.azds.io`) as ApiService | undefined)?.spec.caBundle
  return certificatesIn(Buffer.from(bundle ?? '', 'base64').toString())
}
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${what}`)
}

test('it writes the bundle where none is, and where the object is made later', async () => {
  const { api, told, publication } = await follow(null)
  expect(publication.isPublished(bundleOf([a]))).toBe(false)
  api.put(PATH, service())
  await until('the bundle', () => live(api).length === 1)
  expect(publication.isPublished(bundleOf([a]))).toBe(true)
  expect(publication.isPublished(bundleOf([a, b]))).toBe(false)
  expect(told).toEqual(['published'])
  expect(api.calls.at(-1)).toBe(`PATCH ${PATH}/v1.azds.io?fieldManager=azds-api`)
})

test('a new bundle goes in when it is told', async () => {
  const { api, wanted, told, publication } = await follow(service(encoded(a)))
  wanted.bundle = bundleOf([a, b])
  publication.look()
  await until('both', () => live(api).length === 2)
  expect(told).toEqual(['published', 'published'])
})

test.each([
  ['emptied', ''],
  ['replaced by another', encoded(c)],
  ['replaced by garbage', 'Z2FyYmFnZQ=='],
])('a bundle that is %s is put back, and that is told once', async (_, caBundle) => {
  const { api, told } = await follow(service(encoded(a)))
  api.put(PATH, service(caBundle))
  await until('the bundle', () => live(api).includes(a.trim()))
  await until('the news', () => told.length === 3)
  expect(told.toSorted()).toEqual(['published', 'published', 'repaired'])
})

test('a patch that fails is tried again', async () => {
  const { api, told } = await follow(null)
  let refused = 0
  api.refuse = () => {
    refused += 1
    if (refused === 1) throw new Error('not now')
  }
  api.put(PATH, service())
  await until('the bundle', () => live(api).length === 1)
  expect(told).toEqual(['published'])
}, 20_000)
