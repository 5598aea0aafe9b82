/** What doctor makes of azds-api's Secret and registration. */
import { beforeAll, expect, test } from '@jest/globals'
import type { Outcome } from '../../../cli/doctor/check.ts'
import type { DoctorFacts } from '../../../cli/doctor/facts.ts'
import { API_CHECKS } from '../../../cli/doctor/groups/api.ts'
import { API_CERTIFICATE_CHECKS } from '../../../cli/doctor/groups/api-certificate.ts'
import {
  bundleOf,
  createAuthority,
  createLeaf,
  type KeyPair,
} from '../../../core/authority/certificate.ts'
import { KubeError } from '../../../core/kube/client.ts'
import type { ApiService, KubeObject, Secret } from '../../../core/kube/types.ts'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-05-01T12:00:00Z')
const PATH = '/api/v1/namespaces/azds/secrets/azds-api-tls'
const NAMES = ['azds-api.azds.svc', 'azds-api']

let ours: KeyPair
let other: KeyPair
let leaf: KeyPair
beforeAll(async () => {
  const now = new Date(NOW)
  ours = await createAuthority({ subject: 'azds-controller', lifeMs: 365 * DAY_MS, now })
  other = await createAuthority({ subject: 'azds-controller', lifeMs: 365 * DAY_MS, now })
  leaf = await createLeaf(ours, { names: NAMES, lifeMs: 30 * DAY_MS, now })
})

const inBase64 = (text: string) => Buffer.from(text).toString('base64')

/** The Secret as the controller writes it, but for some keys. */
function secret(parts: Record<string, string> = {}, type = 'kubernetes.io/tls'): Secret {
  const texts = { 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'ca.crt': ours.cert, ...parts }
  const data = Object.entries(texts).map(([key, text]) => [key, inBase64(text)])
  return { metadata: { name: 'azds-api-tls' }, type, data: Object.fromEntries(data) } as Secret
}

const registered = (caBundle?: string): ApiService =>
  ({
    metadata: { name: 'v1.azds.io' },
    spec: caBundle === undefined ? {} : { caBundle: inBase64(caBundle) },
  }) as ApiService

interface Cluster {
  secret?: Secret | null
  registration?: ApiService | null
  rendered?: () => Promise<KubeObject[]>
  /** Days after the certificate was made. */
  days?: number
}

async function check(id: string, cluster: Cluster = {}): Promise<Outcome> {
  const { days = 0, rendered = async () => [] } = cluster
  const found = cluster.secret === undefined ? secret() : cluster.secret
  const facts = {
    now: () => NOW + days * DAY_MS,
    installed: async () => ({ namespace: 'azds' }),
    apiService: async () =>
      cluster.registration === undefined ? registered(ours.cert) : cluster.registration,
    rendered,
    client: {
      get: async (path: string) => {
        expect(path).toBe(PATH)
        if (found) return found
        throw new KubeError(404, 'NotFound', 'not found')
      },
    },
  } as unknown as DoctorFacts
  const one = [...API_CERTIFICATE_CHECKS, ...API_CHECKS].find((each) => each.id === id)
  if (!one) throw new Error(`there is no check ${id}`)
  return one.run(facts)
}

test('a certificate that is renewed in time is fine, and so is a bundle with two authorities', async () => {
  expect(await check('api-certificate')).toEqual({ result: 'ok', detail: '30 days' })
  expect(await check('api-certificate', { days: 11 })).toEqual({ result: 'ok', detail: '19 days' })
  expect(await check('api-ca-bundle')).toEqual({ result: 'ok', detail: '365 days' })
  const both = registered(bundleOf([other.cert, ours.cert]))
  expect(await check('api-ca-bundle', { registration: both })).toMatchObject({ result: 'ok' })
})

test('an installation without azds-api needs neither', async () => {
  for (const id of ['api-certificate', 'api-ca-bundle', 'apiservice-available'])
    expect(await check(id, { registration: null })).toMatchObject({ result: 'skipped' })
})

test.each<[string, () => Cluster, RegExp, RegExp]>([
  ['is gone', () => ({ secret: null }), /azds\/azds-api-tls is gone/, /logs deployment\/azds-con/],
  [
    'is of another type',
    () => ({ secret: secret({}, 'Opaque') }),
    /is of type Opaque and not kubernetes.io\/tls, which cannot be changed/,
    /^kubectl -n azds delete secret azds-api-tls;/,
  ],
  [
    'holds junk',
    () => ({ secret: secret({ 'tls.crt': 'junk' }) }),
    /holds no certificate with its key/,
    /delete secret/,
  ],
  [
    'holds another’s key',
    () => ({ secret: secret({ 'tls.key': other.key }) }),
    /holds no certificate with its key/,
    /delete secret/,
  ],
  [
    'has no key',
    () => ({ secret: secret({ 'tls.key': '' }) }),
    /holds no certificate with its key/,
    /delete secret/,
  ],
  [
    'has no authority',
    () => ({ secret: secret({ 'ca.crt': '' }) }),
    /holds no certificate with its key and authority/,
    /delete secret/,
  ],
  ['is over', () => ({ days: 30 }), /^it has expired on /, /logs deployment\/azds-controller/],
  ['is not yet valid', () => ({ days: -1 }), /^it is not valid before /, /logs deployment/],
])('a Secret whose certificate %s is an error', async (_, cluster, cause, next) => {
  expect(await check('api-certificate', cluster())).toEqual({
    result: 'error',
    cause: expect.stringMatching(cause),
    next: expect.stringMatching(next),
  })
})

test('a certificate for another name is an error', async () => {
  const { cert, key } = await createLeaf(ours, {
    names: ['azds-api.tools.svc'],
    lifeMs: 30 * DAY_MS,
    now: new Date(NOW),
  })
  const found = secret({ 'tls.crt': cert, 'tls.key': key })
  expect(await check('api-certificate', { secret: found })).toMatchObject({
    result: 'error',
    cause: 'the certificate in azds/azds-api-tls is not for azds-api.azds.svc',
  })
})

test('a certificate that should have been renewed is a warning, while it still holds', async () => {
  expect(await check('api-certificate', { days: 16 })).toMatchObject({
    result: 'warning',
    cause: 'it ends in 14 days, and should have been renewed before',
  })
})

test.each<[string, () => Cluster, RegExp]>([
  ['is empty', () => ({ registration: registered() }), /v1\.azds\.io is empty/],
  ['holds no certificate', () => ({ registration: registered('junk') }), /holds no certificate/],
  [
    'has another authority of the same name',
    () => ({ registration: registered(other.cert) }),
    /has another authority than the one that signs/,
  ],
  [
    'does not count',
    () => ({ registration: { ...registered(), spec: { insecureSkipTLSVerify: true } } }),
    /anybody between them may answer for azds-api/,
  ],
])('a caBundle that %s is an error', async (_, cluster, cause) => {
  expect(await check('api-ca-bundle', cluster())).toMatchObject({
    result: 'error',
    cause: expect.stringMatching(cause),
  })
})

test('an authority that nobody follows is a warning', async () => {
  expect(await check('api-ca-bundle', { days: 340 })).toMatchObject({
    result: 'warning',
    cause: 'the authority ends in 25 days, and no other is announced',
    next: expect.stringContaining('annotate secret azds-controller-ca azds.io/rotate=now'),
  })
})

test('an APIService that somebody has deleted is missed, where one may read what was installed', async () => {
  const rendered = async () => [{ kind: 'APIService', metadata: { name: 'v1.azds.io' } }]
  expect(await check('apiservice-available', { registration: null, rendered })).toMatchObject({
    result: 'error',
    next: expect.stringContaining('azds upgrade'),
  })
  const forbidden = () => Promise.reject(new KubeError(403, 'Forbidden', 'no'))
  expect(
    await check('apiservice-available', { registration: null, rendered: forbidden }),
  ).toMatchObject({ result: 'skipped' })
})
