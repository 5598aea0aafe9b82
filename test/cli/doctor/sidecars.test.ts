/** What doctor makes of what sidecars tell. */
import { expect, test } from '@jest/globals'
import type { Outcome } from '../../../cli/doctor/check.ts'
import type { DoctorFacts } from '../../../cli/doctor/facts.ts'
import { SIDECAR_CHECKS } from '../../../cli/doctor/groups/sidecars.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { ANNOTATION } from '../../../core/names.ts'
import { spaceOf } from '../../../core/spaces.ts'
import type { ConnectedSidecar, Sidecar } from '../../../core/trace-resource.ts'

const NOW = Date.parse('2026-05-01T12:00:00Z')
const STATUS = JSON.stringify({
  version: '3',
  layout: 'native',
  initContainers: ['devspaces-proxy-init', 'devspaces-proxy'],
  containers: [],
})

const before = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()

function pod(name: string, ageSeconds: number): Pod {
  return {
    metadata: { name, namespace: 'alice', annotations: { [ANNOTATION.status]: STATUS } },
    spec: {
      initContainers: [{ name: 'devspaces-proxy-init' }, { name: 'devspaces-proxy' }],
      containers: [],
    },
    status: { phase: 'Running', startTime: before(ageSeconds) },
  }
}

function connected(name: string, told: Partial<ConnectedSidecar> = {}): Sidecar {
  const status: ConnectedSidecar = {
    ...{ state: 'connected', since: before(100), table: 'e.1', version: '0.1.0' },
    search: ['alice.svc.cluster.local', 'dev.svc.cluster.local', 'svc.cluster.local'],
    parentLookup: { name: 'web.dev.svc.cluster.local', ok: true },
    ...told,
  }
  return {
    apiVersion: 'azds.io/v1',
    kind: 'Sidecar',
    metadata: { name, namespace: 'alice' },
    status,
  }
}

async function check(id: string, pods: Pod[], sidecars: Sidecar[] | null): Promise<Outcome> {
  const labels = { 'azds.io/space': 'true', 'azds.io/parent-space': 'dev' }
  const namespace = { metadata: { name: 'alice', labels } }
  const spaces = new Map([
    ['dev', spaceOf('dev', { 'azds.io/space': 'true' })],
    ['alice', spaceOf('alice', labels)],
  ])
  const facts = {
    now: () => NOW,
    spaces: async () => [namespace],
    pods: async () => pods,
    sidecars: async () => sidecars,
    tree: async () => ({ namespaces: new Map([['alice', namespace]]), spaces }),
  } as unknown as DoctorFacts
  const found = SIDECAR_CHECKS.find((each) => each.id === id)
  if (!found) throw new Error(`there is no check ${id}`)
  return found.run(facts)
}

test('a connected sidecar counts, however young its pod', async () => {
  const pods = [pod('orders-1', 2), pod('web-1', 900)]
  const sidecars = [connected('orders-1'), connected('web-1')]
  expect(await check('feed-connected', pods, sidecars)).toEqual({ result: 'ok', detail: '2 pods' })
})

test('one that is not connected is named once its pod has had time to', async () => {
  const pods = [pod('orders-1', 900), pod('young-1', 2), pod('web-1', 900)]
  const outcome = await check('feed-connected', pods, [connected('web-1')])
  expect(outcome).toMatchObject({ result: 'error', objects: ['alice/orders-1'] })
})

test('where there is nothing to look at, nothing is claimed', async () => {
  expect(await check('feed-connected', [pod('young-1', 2)], [])).toMatchObject({
    result: 'skipped',
  })
  expect(await check('feed-connected', [pod('web-1', 900)], null)).toMatchObject({
    result: 'skipped',
    cause: 'the cluster does not serve azds.io',
  })
})

test.each<[why: string, told: Partial<ConnectedSidecar>, line: RegExp]>([
  [
    'a parent’s name that is not found',
    { parentLookup: { name: 'web.dev.svc.cluster.local', ok: false, message: 'ENOTFOUND' } },
    /^alice\/web-1: web\.dev\.svc\.cluster\.local is not found: ENOTFOUND$/,
  ],
  [
    'a search list without the parent',
    { search: ['alice.svc.cluster.local', 'svc.cluster.local'] },
    /^alice\/web-1: its search list lacks dev\.svc$/,
  ],
  [
    'a search list in which the parent comes first',
    { search: ['dev.svc.cluster.local', 'alice.svc.cluster.local'] },
    /^alice\/web-1: its search list lacks /,
  ],
])('the DNS chain is broken by %s', async (_why, told, line) => {
  const outcome = await check('dns-chain', [], [connected('web-1', told), connected('web-2')])
  expect(outcome).toMatchObject({ result: 'error', objects: [expect.stringMatching(line)] })
})

test('a whole DNS chain is fine, and a sidecar that tells nothing proves nothing', async () => {
  expect(await check('dns-chain', [], [connected('web-1')])).toMatchObject({ result: 'ok' })
  const silent = connected('web-1', { search: null, parentLookup: null })
  expect(await check('dns-chain', [], [silent])).toMatchObject({ result: 'skipped' })
})

test('a sidecar that is connected for long and has no table is named', async () => {
  const sidecars = [
    connected('web-1', { table: null }),
    connected('young-1', { table: null, since: before(2) }),
  ]
  expect(await check('table-age', [], sidecars)).toMatchObject({
    result: 'warning',
    objects: ['alice/web-1'],
  })
  expect(await check('table-age', [], [connected('web-1')])).toMatchObject({ result: 'ok' })
})
