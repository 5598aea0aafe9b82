/** When the controller hands azds-api another certificate, and what azds-api takes. */
import { X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { readHanded } from '../../controller/api/handed-certificate.ts'
import {
  faultOfHandedOver,
  handOverApiCertificate,
  type Wanted,
} from '../../controller/api-certificate.ts'
import {
  bundleOf,
  createAuthority,
  createLeaf,
  type KeyPair,
} from '../../core/authority/certificate.ts'
import { KubeError } from '../../core/kube/client.ts'
import type { Note } from '../../core/kube/events.ts'
import type { Secret } from '../../core/kube/types.ts'
import { silentLog } from '../../core/log.ts'
import { COLLECTION, MemoryApi } from '../core/kube/memory-api.ts'

const HOUR_MS = 3_600_000
const NAMES = ['azds-api.azds.svc', 'azds-api']
const NOW = new Date()
const PATH = `${COLLECTION.secrets}/azds-api-tls`

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

let ours: KeyPair
let other: KeyPair
let leaf: KeyPair
beforeAll(async () => {
  const request = { subject: 'azds-controller', lifeMs: 100 * HOUR_MS, now: NOW }
  ours = await createAuthority(request)
  other = await createAuthority(request)
  leaf = await createLeaf(ours, { names: NAMES, lifeMs: 9 * HOUR_MS, now: NOW })
})

function secret(parts: Record<string, string> = {}): Secret {
  const texts = {
    'tls.crt': leaf.cert,
    'tls.key': leaf.key,
    'ca.crt': bundleOf([ours.cert]),
    ...parts,
  }
  const data = Object.entries(texts).map(([key, text]) => [key, btoa(text)])
  return { metadata: { name: 'azds-api-tls', namespace: 'azds' }, data: Object.fromEntries(data) }
}

const wanted = (parts: Partial<Wanted> = {}): Wanted => ({
  bundle: bundleOf([ours.cert]),
  names: NAMES,
  now: NOW,
  ...parts,
})

test('what is right stays', () => {
  expect(faultOfHandedOver(secret(), wanted())).toBeNull()
  const soon = new Date(NOW.getTime() + 2.9 * HOUR_MS)
  expect(faultOfHandedOver(secret(), wanted({ now: soon }))).toBeNull()
})

test.each<[string, () => Secret | null, () => Partial<Wanted>]>([
  ['there is none', () => null, () => ({})],
  [
    'the authority has changed',
    () => secret(),
    () => ({ bundle: bundleOf([ours.cert, other.cert]) }),
  ],
  ['it cannot be read', () => secret({ 'tls.crt': 'junk' }), () => ({})],
  ['it cannot be read', () => secret({ 'tls.key': '' }), () => ({})],
  ['its key is another’s', () => secret({ 'tls.key': other.key }), () => ({})],
  [
    'another authority signs now',
    () => secret({ 'ca.crt': bundleOf([other.cert, ours.cert]) }),
    () => ({ bundle: bundleOf([other.cert, ours.cert]) }),
  ],
  ['its names differ', () => secret(), () => ({ names: [...NAMES, 'azds-api.tools.svc'] })],
  [
    'a third of its life is over',
    () => secret(),
    () => ({ now: new Date(NOW.getTime() + 3 * HOUR_MS) }),
  ],
  [
    'a third of its life is over',
    () => secret(),
    () => ({ now: new Date(NOW.getTime() - HOUR_MS) }),
  ],
])('a new one is due because %s', (fault, found, parts) => {
  expect(faultOfHandedOver(found(), wanted(parts()))).toBe(fault)
})

test('azds-api takes leaf and bundle together, or neither', () => {
  expect(readHanded(secret())).toEqual({ leaf, bundle: bundleOf([ours.cert]) })
  for (const parts of [{ 'tls.crt': '' }, { 'tls.key': other.key }, { 'ca.crt': 'junk' }])
    expect(readHanded(secret(parts))).toBeNull()
})

/** A controller's part over an API server in memory. */
function handingOver(api: MemoryApi, lifeMs = 9 * HOUR_MS) {
  const notes: Note[] = []
  const handing = handOverApiCertificate({
    client: api.client,
    namespace: 'azds',
    names: NAMES,
    lifeMs,
    owner: async () => null,
    authority: () => ({
      bundle: () => bundleOf([ours.cert]),
      sign: (names, lifeMs) => createLeaf(ours, { names, lifeMs, now: new Date() }),
    }),
    onFault: (note) => notes.push(note),
    now: () => new Date(),
    log: silentLog,
  })
  cleanUps.push(handing.stop)
  const live = () => api.objects.get(PATH) as Secret | undefined
  return { handing, notes, live }
}

test('it lives as long as it was told to', async () => {
  const { live } = handingOver(new MemoryApi(), 30 * HOUR_MS)
  await until(() => live() !== undefined)
  const { validTo } = new X509Certificate(atob(live()?.data?.['tls.crt'] ?? ''))
  expect(Date.parse(validTo)).toBeGreaterThan(NOW.getTime() + 29 * HOUR_MS)
})

test('a Secret of another type is left alone and told once, and one that takes its place is seen at once', async () => {
  const api = new MemoryApi()
  api.put(COLLECTION.secrets, { ...secret(), type: 'Opaque' } as Secret)
  const { handing, notes, live } = handingOver(api)
  await until(() => notes.length > 0)
  for (let more = 0; more < 3; more += 1) {
    handing.look()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(notes).toEqual([
    {
      about: { apiVersion: 'v1', kind: 'Secret', namespace: 'azds', name: 'azds-api-tls' },
      type: 'Warning',
      reason: 'CertificateNotHandedOver',
      message: expect.stringMatching(/is of type Opaque, .*: delete it/),
    },
  ])
  expect(api.calls.filter((call) => call.startsWith('APPLY'))).toEqual([])
  api.remove(PATH)
  await until(() => live()?.type === 'kubernetes.io/tls')
  expect(notes).toHaveLength(1)
})

test('each cause is told once, and again when it comes back', async () => {
  const api = new MemoryApi()
  let cause: string | null = 'exceeded quota: few'
  api.refuse = () => {
    if (cause !== null) throw new KubeError(403, 'Forbidden', cause)
  }
  const { handing, notes, live } = handingOver(api)
  const tries = () => api.calls.filter((call) => call.startsWith('APPLY')).length
  const again = async () => {
    const before = tries()
    handing.look()
    await until(() => tries() > before)
  }
  await until(() => tries() > 0)
  await again()
  cause = 'denied by policy'
  await again()
  cause = null
  await again()
  await until(() => live() !== undefined)
  cause = 'denied by policy'
  api.remove(PATH)
  await until(() => notes.length === 3)
  const causes = notes.map(({ message }) => message.split(': ').slice(1).join(': '))
  expect(causes).toEqual(['exceeded quota: few', 'denied by policy', 'denied by policy'])
})

test('what fails is tried ever later, up to five minutes, and from the beginning once it has worked', async () => {
  const waits: unknown[] = []
  const timer = jest.spyOn(globalThis, 'setTimeout')
  cleanUps.push(() => timer.mockRestore())
  const api = new MemoryApi()
  let isRefused = true
  let tries = 0
  api.refuse = () => {
    tries += 1
    if (isRefused) throw new KubeError(403, 'Forbidden', 'denied by policy')
  }
  const { handing, live } = handingOver(api)
  const again = async () => {
    const before = [tries, timer.mock.calls.length] as const
    handing.look()
    await until(() => tries > before[0])
    // The pause is set when the try has ended.
    await until(() => timer.mock.calls.slice(before[1]).some(([, ms = 0]) => ms >= 2000))
    const [last] = timer.mock.calls
      .map(([, ms = 0]) => ms)
      .filter((ms) => ms >= 2000)
      .slice(-1)
    waits.push(last)
  }
  await until(() => tries === 1)
  for (let more = 0; more < 8; more += 1) await again()
  expect(waits.slice(-7)).toEqual([8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000])
  isRefused = false
  handing.look()
  await until(() => live() !== undefined)
  isRefused = true
  waits.length = 0
  api.remove(PATH)
  await again()
  expect(waits[0]).toBeLessThanOrEqual(4000)
})

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('waited in vain')
}
