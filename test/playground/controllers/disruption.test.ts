import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { call, until } from '../apiserver/api-client.ts'
import { startControlPlane } from '../apiserver/control-plane.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

const PODS = '/api/v1/namespaces/default/pods'
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets'
const MERGE = { type: 'application/merge-patch+json' }

let server: ApiServer

beforeAll(async () => {
  server = await startControlPlane()
})

afterAll(() => server.close())

const makePod = async (name: string, app: string, ready: boolean) => {
  const spec = { schedulerName: 'nobody', containers: [{ name: 'app', image: 'a' }] }
  await call(server, 'POST', PODS, { metadata: { name, labels: { app } }, spec })
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }]
  await call(
    server,
    'PATCH',
    `${PODS}/${name}/status`,
    { status: { phase: 'Running', conditions } },
    MERGE,
  )
}
const budget = (name: string, app: string, spec: object) =>
  call(server, 'POST', BUDGETS, {
    metadata: { name },
    spec: { selector: { matchLabels: { app } }, ...spec },
  })
const evict = (name: string) => call(server, 'POST', `${PODS}/${name}/eviction`, {})
const statusOf = async (name: string) =>
  (await call(server, 'GET', `${BUDGETS}/${name}`)).body.status

test('a budget spares what is more than it needs, and nothing else', async () => {
  for (const name of ['a1', 'a2', 'a3']) await makePod(name, 'a', true)
  await budget('a', 'a', { minAvailable: 2 })
  await until('its status', async () => (await statusOf('a'))?.disruptionsAllowed === 1)
  expect((await evict('a1')).status).toBe(201)
  const refused = await evict('a2')
  expect([refused.status, refused.body.message]).toEqual([
    429,
    "Cannot evict pod as it would violate the pod's disruption budget.",
  ])
  expect(refused.body.details.causes[0].message).toBe(
    'The disruption budget a needs 2 healthy pods and has 2 currently',
  )
  await until('the new status', async () => (await statusOf('a'))?.currentHealthy === 2)
  // A deletion asks no budget.
  expect((await call(server, 'DELETE', `${PODS}/a2`)).status).toBe(200)
})

test('pods that serve nobody may go where the budget says so', async () => {
  await makePod('b1', 'b', false)
  await makePod('b2', 'b', true)
  await budget('b', 'b', { minAvailable: 2 })
  expect((await evict('b1')).status).toBe(429)
  await call(
    server,
    'PATCH',
    `${BUDGETS}/b`,
    { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } },
    MERGE,
  )
  expect((await evict('b1')).status).toBe(201)
  expect((await evict('b2')).status).toBe(429)
})

test('a pod of two budgets cannot be evicted', async () => {
  await makePod('c1', 'c', true)
  await budget('c', 'c', { minAvailable: 0 })
  await budget('d', 'c', { minAvailable: 0 })
  expect((await evict('c1')).body.message).toContain('more than one PodDisruptionBudget')
})

test('a pod of another scheduler waits for that one', async () => {
  const node = {
    metadata: { name: 'one' },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
  await call(server, 'POST', '/api/v1/nodes', node)
  await makePod('theirs', 'x', false)
  const spec = { containers: [{ name: 'app', image: 'a' }] }
  await call(server, 'POST', PODS, { metadata: { name: 'ours' }, spec })
  const nodeOf = async (name: string) =>
    (await call(server, 'GET', `${PODS}/${name}`)).body.spec.nodeName
  await until('a node', () => nodeOf('ours'))
  expect(await nodeOf('theirs')).toBeUndefined()
})
