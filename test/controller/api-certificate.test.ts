/** When the controller hands azds-api another certificate, and what azds-api takes. */
import { beforeAll, expect, test } from '@jest/globals'
import { readHanded } from '../../controller/api/handed-certificate.ts'
import { faultOfHandedOver, type Wanted } from '../../controller/api-certificate.ts'
import {
  bundleOf,
  createAuthority,
  createLeaf,
  type KeyPair,
} from '../../core/authority/certificate.ts'
import type { Secret } from '../../core/kube/types.ts'

const HOUR_MS = 3_600_000
const NAMES = ['azds-api.azds.svc', 'azds-api']
const NOW = new Date()

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
  return { metadata: { name: 'azds-api-tls' }, data: Object.fromEntries(data) }
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
