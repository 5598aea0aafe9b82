/** The keeper over an API server in memory: one replica or several, and what people do to the Secret. */
import { X509Certificate } from 'node:crypto'
import { afterEach, expect, test } from '@jest/globals'
import { certificatesIn, createAuthority } from '../../../core/authority/certificate.ts'
import {
  type AuthorityKeeper,
  type KeeperParts,
  keepAuthority,
} from '../../../core/authority/keeper.ts'
import { KubeError } from '../../../core/kube/client.ts'
import type { Secret } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'
import { COLLECTION, MemoryApi } from '../kube/memory-api.ts'

const PATH = `${COLLECTION.secrets}/azds-test-ca`
const SUBJECT = 'azds test authority'
const HOUR_MS = 3_600_000
/** What is rotated goes on at once, but for what lives. */
const limits = { authorityMs: 24 * HOUR_MS, leafMs: HOUR_MS, settleMs: 0 }

const running = new Set<AuthorityKeeper>()
afterEach(() => {
  for (const keeper of running) keeper.close()
  running.clear()
})

interface Replica {
  keeper: AuthorityKeeper
  news: string[]
  changes: { count: number }
}

async function start(api: MemoryApi, parts: Partial<KeeperParts> = {}): Promise<Replica> {
  const news: string[] = []
  const keeper = await keepAuthority({
    client: api.client,
    secret: { namespace: 'azds', name: 'azds-test-ca' },
    subject: SUBJECT,
    names: ['azds-test.azds.svc'],
    limits,
    replica: 'azds-test-1',
    isPublished: () => true,
    onNews: ({ reason }) => news.push(reason),
    now: () => new Date(),
    steady: () => performance.now(),
    log: silentLog,
    ...parts,
  })
  running.add(keeper)
  const changes = { count: 0 }
  keeper.onChange(() => {
    changes.count += 1
  })
  return { keeper, news, changes }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${what}`)
}

const live = (api: MemoryApi) => api.objects.get(PATH) as Secret | undefined
const inSecret = (api: MemoryApi, key: string) =>
  Buffer.from(live(api)?.data?.[key] ?? '', 'base64').toString()
const annotate = (api: MemoryApi, rotate: string) => {
  const secret = live(api) as Secret
  const annotations = { ...secret.metadata.annotations, 'azds.io/rotate': rotate }
  api.put(COLLECTION.secrets, { ...secret, metadata: { ...secret.metadata, annotations } })
}
const isSignedBy = (keeper: AuthorityKeeper, cert: string) =>
  new X509Certificate(keeper.leaf().cert).checkIssued(new X509Certificate(cert))

test('it makes the Secret by apply, and a leaf of what is in it', async () => {
  const api = new MemoryApi()
  const owner = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    name: 'r',
    uid: 'u',
  }
  const { keeper, news } = await start(api, { owner: async () => owner })
  expect(api.calls.filter((call) => !call.startsWith('GET'))).toEqual([`APPLY ${PATH}`])
  expect(live(api)).toMatchObject({
    type: 'Opaque',
    metadata: { labels: { 'app.kubernetes.io/part-of': 'azds' }, ownerReferences: [owner] },
  })
  expect(keeper.bundle()).toBe(inSecret(api, 'current.crt'))
  expect(isSignedBy(keeper, keeper.bundle())).toBe(true)
  expect(news).toEqual(['AuthorityMade'])
  expect(keeper.expiry().leaf.getTime()).toBeLessThan(keeper.expiry().authority.getTime())
})

test('replicas that start together share one authority', async () => {
  const api = new MemoryApi()
  const replicas = await Promise.all(
    ['a', 'b', 'c'].map((replica) => start(api, { replica: `azds-test-${replica}` })),
  )
  const bundles = new Set(replicas.map(({ keeper }) => keeper.bundle()))
  expect([...bundles]).toEqual([inSecret(api, 'current.crt')])
  expect(replicas.flatMap(({ news }) => news)).toEqual(['AuthorityMade'])
})

test('it signs for others by the authority that signs now', async () => {
  const { keeper } = await start(new MemoryApi())
  const { cert } = await keeper.sign(['azds-other.azds.svc'], 2 * HOUR_MS)
  const signed = new X509Certificate(cert)
  expect(Date.parse(signed.validTo)).toBeGreaterThan(Date.now() + HOUR_MS)
  expect(signed.checkIssued(new X509Certificate(keeper.bundle()))).toBe(true)
  expect(signed.checkHost('azds-other.azds.svc')).toBe('azds-other.azds.svc')
  expect(cert).not.toBe(keeper.leaf().cert)
})

test('the annotation leads through all stages, and each leaf follows the signing authority', async () => {
  const api = new MemoryApi()
  let now = new Date()
  let published = false
  const { keeper, news } = await start(api, { now: () => now, isPublished: () => published })
  const first = keeper.bundle().trim()
  annotate(api, 'today')
  await until('the announcement', () => certificatesIn(keeper.bundle()).length === 2)
  const [, second = ''] = certificatesIn(keeper.bundle())
  expect(isSignedBy(keeper, first)).toBe(true)
  published = true
  keeper.look()
  await until('the switch', () => isSignedBy(keeper, second))
  expect(certificatesIn(keeper.bundle())).toEqual([second, first])
  expect(inSecret(api, 'next.key')).toBe('')
  now = new Date(now.getTime() + 2 * HOUR_MS)
  keeper.look()
  await until('the end', () => certificatesIn(keeper.bundle()).length === 1)
  expect(keeper.bundle().trim()).toBe(second)
  expect(news).toEqual([
    'AuthorityMade',
    'AuthorityAnnounced',
    'AuthoritySwitched',
    'AuthorityRetired',
  ])
})

test('of several replicas one takes each step, and all follow', async () => {
  const api = new MemoryApi()
  const replicas = await Promise.all(
    ['a', 'b', 'c'].map((replica) => start(api, { replica: `azds-test-${replica}` })),
  )
  const first = replicas[0]?.keeper.bundle().trim() ?? ''
  annotate(api, 'today')
  const isNew = ({ keeper }: Replica) =>
    keeper.bundle().includes(first) && !isSignedBy(keeper, first)
  await until('the switch everywhere', () => replicas.every(isNew))
  const news = replicas.flatMap((replica) => replica.news).filter((one) => one !== 'AuthorityMade')
  expect(news).toEqual(['AuthorityAnnounced', 'AuthoritySwitched'])
})

test('a publication must last without a break before the new one signs', async () => {
  const api = new MemoryApi()
  let steady = 0
  let published = true
  const { keeper } = await start(api, {
    limits: { ...limits, settleMs: 600_000 },
    steady: () => steady,
    isPublished: () => published,
  })
  const first = keeper.bundle().trim()
  annotate(api, 'today')
  await until('the announcement', () => certificatesIn(keeper.bundle()).length === 2)
  const lookAt = async (ms: number, everywhere: boolean) => {
    steady = ms
    published = everywhere
    keeper.look()
    await new Promise((resolve) => setTimeout(resolve, 20))
    return isSignedBy(keeper, first)
  }
  expect(await lookAt(0, true)).toBe(true)
  expect(await lookAt(599_000, true)).toBe(true)
  expect(await lookAt(599_500, false)).toBe(true)
  expect(await lookAt(700_000, true)).toBe(true)
  expect(await lookAt(1_299_000, true)).toBe(true)
  await lookAt(1_300_000, true)
  await until('the switch', () => !isSignedBy(keeper, first))
})

test('a Secret that is deleted is written back, with all that was in it', async () => {
  const api = new MemoryApi()
  const { keeper, news } = await start(api)
  const before = live(api)?.data
  api.remove(PATH)
  await until('the Secret', () => live(api) !== undefined)
  expect(live(api)?.data).toEqual(before)
  expect(keeper.bundle()).toBe(inSecret(api, 'current.crt'))
  await until('the news', () => news.includes('AuthorityRestored'))
})

test.each([
  ['emptied', {}],
  ['garbage', { 'current.crt': 'bm9uc2Vuc2U=', 'current.key': 'bm9uc2Vuc2U=' }],
])('a Secret that is %s is written back', async (_, data) => {
  const api = new MemoryApi()
  const { keeper, news, changes } = await start(api)
  const before = live(api) as Secret
  api.put(COLLECTION.secrets, { ...before, data } as Secret)
  await until('the data', () => inSecret(api, 'current.crt') === keeper.bundle())
  await until('the news', () => news.includes('AuthorityRestored'))
  expect(changes.count).toBe(0)
})

test.each([
  ['has nothing in it', {}],
  [
    'holds an authority that is over',
    await createAuthority({ subject: SUBJECT, lifeMs: 1, now: new Date('2020-01-01') }).then(
      ({ cert, key }) => ({ 'current.crt': btoa(cert), 'current.key': btoa(key) }),
    ),
  ],
])('at the start a Secret that %s gets a new authority', async (_, data) => {
  const api = new MemoryApi()
  const metadata = { name: 'azds-test-ca', namespace: 'azds', labels: { mine: 'yes' } }
  api.put(COLLECTION.secrets, { metadata, type: 'Opaque', data } as Secret)
  const { keeper, news } = await start(api)
  expect(inSecret(api, 'current.crt')).toBe(keeper.bundle())
  expect(live(api)?.metadata.labels).toEqual({ mine: 'yes' })
  expect(news).toEqual(['AuthorityMade'])
})

test('a Secret of another type stops the start, with the next step', async () => {
  const api = new MemoryApi()
  const metadata = { name: 'azds-test-ca', namespace: 'azds' }
  api.put(COLLECTION.secrets, { metadata, type: 'kubernetes.io/tls' } as Secret)
  await expect(start(api)).rejects.toThrow(
    /^Secret azds\/azds-test-ca is of type kubernetes.io\/tls.*delete it/,
  )
})

test('a Secret that becomes one of another type is told once, and the leaf is renewed all the same', async () => {
  const api = new MemoryApi()
  let now = new Date()
  const { keeper, news } = await start(api, { now: () => now })
  const first = keeper.leaf().cert
  const metadata = { name: 'azds-test-ca', namespace: 'azds' }
  // Somebody is faster than our own attempt to write it back.
  api.rivals.set(PATH, { metadata, type: 'kubernetes.io/tls' } as Secret)
  api.remove(PATH)
  await until('the warning', () => news.includes('AuthorityNotKept'))
  now = new Date(now.getTime() + HOUR_MS)
  keeper.look()
  await until('a new leaf', () => keeper.leaf().cert !== first)
  const calls = api.calls.length
  for (let more = 0; more < 3; more += 1) keeper.look()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(api.calls.length).toBe(calls)
  expect(news.filter((one) => one === 'AuthorityNotKept')).toHaveLength(1)
  const before = keeper.bundle()
  api.remove(PATH)
  await until('ours again', () => inSecret(api, 'current.crt') === before)
})

test('since when a successor is announced outlives the process', async () => {
  const api = new MemoryApi()
  const first = await start(api, { isPublished: () => false })
  expect(first.keeper.announcedSince()).toBeNull()
  annotate(api, 'now')
  await until('the announcement', () => first.keeper.announcedSince() !== null)
  first.keeper.close()
  const second = await start(api, { isPublished: () => false })
  expect(second.keeper.announcedSince()).toEqual(first.keeper.announcedSince())
})

test('what it may not do stops the start; what the API server cannot do later is tried again', async () => {
  const api = new MemoryApi()
  api.refuse = () => {
    throw new KubeError(403, 'Forbidden', 'secrets "azds-test-ca" is forbidden')
  }
  await expect(start(api)).rejects.toThrow('secrets "azds-test-ca" is forbidden')
  api.refuse = () => {}
  const { keeper } = await start(api)
  let refused = 0
  api.refuse = () => {
    refused += 1
    if (refused < 2) throw new KubeError(500, 'InternalError', 'etcd is away')
  }
  api.remove(PATH)
  await until('the failure', () => refused === 1)
  keeper.look()
  await until('the Secret', () => live(api) !== undefined)
})

test('a leaf is renewed after two thirds of its life, and when the clock is set back', async () => {
  const api = new MemoryApi()
  let now = new Date()
  const { keeper, changes } = await start(api, { now: () => now })
  const first = keeper.leaf().cert
  now = new Date(now.getTime() + HOUR_MS / 2)
  keeper.look()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(keeper.leaf().cert).toBe(first)
  now = new Date(now.getTime() + HOUR_MS / 4)
  keeper.look()
  await until('a new leaf', () => keeper.leaf().cert !== first)
  expect(changes.count).toBe(1)
  const second = keeper.leaf().cert
  now = new Date(now.getTime() - 24 * HOUR_MS)
  keeper.look()
  await until('a leaf that is valid now', () => keeper.leaf().cert !== second)
})

test('a certificate that could not be renewed in time is told', async () => {
  const api = new MemoryApi()
  let now = new Date()
  const { keeper, news } = await start(api, { now: () => now, isPublished: () => false })
  now = new Date(now.getTime() + 19 * HOUR_MS)
  keeper.look()
  // The authority is 19 of 24 hours old, and its successor is published nowhere.
  await until('the warning', () => news.includes('CertificateExpiring'))
})

async function secretOfAnother(): Promise<Secret> {
  const { cert, key } = await createAuthority({
    subject: SUBJECT,
    lifeMs: 24 * HOUR_MS,
    now: new Date(),
  })
  return {
    metadata: { name: 'azds-test-ca', namespace: 'azds' },
    type: 'Opaque',
    data: { 'current.crt': btoa(cert), 'current.key': btoa(key) },
  } as Secret
}

test('what a replica makes that starts while the Secret is gone does not replace what is known everywhere', async () => {
  const api = new MemoryApi()
  const { keeper, news, changes } = await start(api)
  const ours = keeper.bundle().trim()
  await until('the own Secret to be seen', () => api.calls.length > 0 && live(api) !== undefined)
  keeper.look()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const other = await secretOfAnother()
  const theirs = atob(other.data?.['current.crt'] ?? '').trim()
  const signers: boolean[] = []
  keeper.onChange(() => signers.push(isSignedBy(keeper, ours)))
  // The other one is a moment faster than our own attempt to write ours back.
  api.rivals.set(PATH, other)
  api.remove(PATH)
  await until('ours in the Secret', () => inSecret(api, 'current.crt').trim() === ours)
  await until('trust in both', () => certificatesIn(keeper.bundle()).length === 2)
  expect(certificatesIn(keeper.bundle())).toEqual([ours, theirs])
  expect(inSecret(api, 'previous.crt').trim()).toBe(theirs)
  expect(signers).toEqual([true])
  expect(changes.count).toBe(1)
  expect(news).toContain('AuthorityRestored')
})

test('the replica that made it follows, and of several that hold the old one all agree', async () => {
  const api = new MemoryApi()
  const old = await Promise.all(['a', 'b'].map((replica) => start(api, { replica })))
  const ours = old[0]?.keeper.bundle().trim() ?? ''
  for (const { keeper } of old) keeper.look()
  await new Promise((resolve) => setTimeout(resolve, 20))
  api.rivals.set(PATH, await secretOfAnother())
  api.remove(PATH)
  const late = await start(api, { replica: 'late' })
  const all = [...old, late]
  await until('one authority', () =>
    all.every(({ keeper }) => keeper.bundle().startsWith(ours) && isSignedBy(keeper, ours)),
  )
  expect(new Set(all.map(({ keeper }) => keeper.bundle())).size).toBe(1)
})

test('an authority that a person writes into the Secret is taken over', async () => {
  const api = new MemoryApi()
  const { keeper } = await start(api)
  const other = await secretOfAnother()
  const { metadata } = live(api) as Secret
  api.put(COLLECTION.secrets, { ...other, metadata })
  await until('the other one', () => keeper.bundle() === atob(other.data?.['current.crt'] ?? ''))
})
