/** What azds asks and reads is what azds-api and the controller offer through the API server: all are the real ones. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { tracesInCluster } from '../../cli/cluster-traces.ts'
import type { TraceSource } from '../../cli/trace-source.ts'
import { createClient, type KubeClient } from '../../core/kube/client.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { azds } from '../cli/world-fixture.ts'
import { type Installation, install } from '../controller/installation.ts'
import { START, sampleRecord, sampleTrace, traceIdOf } from '../core/sample-records.ts'
import { call, until } from '../playground/apiserver/api-client.ts'

// The installation comes up once; it signs certificates and waits for the API server to find azds-api.
jest.setTimeout(60_000)

const LATER = traceIdOf(8)
let installation: Installation

/** Delivers records to the plain port, which takes them of every pod without a token of it. */
async function send(records: TraceRecord[]): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${installation.controller.address.port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: 'dev', pod: 'web-1', dropped: 0, records }),
  })
  expect(answer.status).toBe(202)
}

/** What a kubeconfig with this token is, in namespace alice. */
function clientWith(token: string): KubeClient {
  const { url, caPem } = installation.server
  return createClient({
    server: url,
    namespace: 'alice',
    userAgent: 'azds',
    credentials: async () => ({ ca: caPem, headers: { authorization: `Bearer ${token}` } }),
  })
}

const run = (line: string) => azds(line, { client: clientWith(installation.server.adminToken) })
const runAs = (user: string, line: string) =>
  azds(line, { client: clientWith(installation.server.tokenForUser(user)) })

beforeAll(async () => {
  installation = await install({ AZDS_PLAIN_DATA: 'on' })
  const { server, create } = installation
  for (const name of ['dev', 'alice']) {
    await create('/api/v1/namespaces', { metadata: { name, labels: { 'azds.io/space': 'true' } } })
  }
  await create('/apis/rbac.authorization.k8s.io/v1/namespaces/alice/rolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'jane', namespace: 'alice' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'azds-traces' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
  })
  await until('azds.io is available', async () => {
    const path = '/apis/apiregistration.k8s.io/v1/apiservices/v1.azds.io'
    const { body } = await call(server, 'GET', path)
    return body.status?.conditions?.some(
      (one: { type: string; status: string }) => one.type === 'Available' && one.status === 'True',
    )
  })
  const later = sampleRecord({ traceId: LATER, path: '/later', startedAt: START + 60_000 })
  await send([...sampleTrace(), later])
})
afterAll(() => installation?.close())

test('the list shows traces that were sent, newest first, within the limit', async () => {
  const { code, out, err } = await run('trace')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const lines = out.trim().split('\n').slice(2)
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain('GET /later')
  expect(lines[1]).toContain('alice  web > orders > stock')
  expect((await run('trace --limit 1')).out).not.toContain('stock')
})

test('pages follow each other until nothing is left', async () => {
  const source = await tracesInCluster(clientWith(installation.server.adminToken))
  const first = await source.list({}, 1)
  expect(first.traces.map(({ traceId }) => traceId)).toEqual([LATER])
  const second = await source.list({}, 1, first.next ?? 'there is no second page')
  expect(second.traces.map(({ traceId }) => traceId)).toEqual([traceIdOf(7)])
  const third = second.next === null ? null : await source.list({}, 1, second.next)
  expect(third ?? { traces: [], next: null }).toEqual({ traces: [], next: null })
})

test('filters are the controller’s', async () => {
  expect((await run('trace --space alice')).out).not.toContain('/later')
  expect((await run('trace --service stock')).out).toContain('/cart')
  expect(await run('trace --service nobody')).toMatchObject({ code: 0, out: '' })
})

test('one trace is shown as its hops', async () => {
  const { out } = await run(`trace ${traceIdOf(7)}`)
  expect(out).toContain('space alice (from header)')
  expect(out).toMatch(/^ {2}web \(dev\) -> orders \(alice\) +GET \/orders .*child for alice$/m)
  expect(out).toMatch(/^ {4}orders \(alice\) -> stock \(dev\) .*fallback-absent for alice$/m)
})

test('a trace that is not in the store is told as such', async () => {
  const { code, err } = await run(`trace ${traceIdOf(99)}`)
  expect(err).toContain(`trace ${traceIdOf(99)} is not in the store`)
  expect(code).toBe(1)
})

test('who may read one space sees that space’s traces, and no other', async () => {
  const { code, out } = await runAs('jane', 'trace')
  expect(code).toBe(0)
  expect(out).toContain(traceIdOf(7))
  expect(out).not.toContain(LATER)
  expect((await runAs('jane', `trace ${traceIdOf(7)} --space alice`)).out).toContain('(alice)')
  const gone = await runAs('jane', `trace ${LATER}`)
  expect(gone).toMatchObject({ code: 1, out: '' })
  expect(gone.err).toContain(LATER)
  const elsewhere = await runAs('jane', 'trace --space dev')
  expect(elsewhere).toMatchObject({ code: 1, out: '' })
  expect(elsewhere.err).toContain('you may not read the traces of space "dev"')
})

test('-f shows each exchange once, as it arrives', async () => {
  const stop = new AbortController()
  const client = clientWith(installation.server.adminToken)
  const source = await tracesInCluster(client)
  const heard: string[] = []
  // Tells how far azds is, so that nothing has to be guessed from the clock.
  const watched: TraceSource = {
    ...source,
    follow: (query, listener, signal) => {
      const record = (one: TraceRecord) => {
        listener.record(one)
        heard.push(one.spanId)
      }
      const opened = () => void heard.push('opened')
      return source.follow(query, { ...listener, opened, record }, signal)
    },
  }
  const changes = { stop: stop.signal, traces: async () => watched }
  const following = azds('trace -f --space alice', { client }, changes)
  await until('the stream stands', () => heard.length > 0)
  const other = sampleRecord({ traceId: traceIdOf(10), path: '/other' })
  await send([other, ...sampleTrace(traceIdOf(9))])
  await until('all five records have come', () => heard.length > 5)
  stop.abort()
  const { code, out, err } = await following
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const spans = sampleTrace().map(({ spanId }) => spanId)
  expect([...heard].sort()).toEqual([...spans, 'opened'].sort())
  // From outside to web, web to orders, orders to stock; what sidecars delivered has no second line.
  expect(out.trim().split('\n')).toHaveLength(3)
})
