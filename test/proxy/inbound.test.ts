import { expect, test } from '@jest/globals'
import { HEADER } from '../../core/names.ts'
import { formatAddress } from '../../core/routing-table.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { planInbound } from '../../proxy/inbound.ts'
import { TraceMemory } from '../../proxy/trace-memory.ts'
import { requestHead } from './sample-head.ts'
import { ADDRESS, identity, recordInto, service, snapshot, tableOf } from './sample-tree.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`
const APP = formatAddress(ADDRESS.pod)

function plan(
  fields: Record<string, string>,
  {
    at = 'dev',
    table = tableOf(),
    port = ADDRESS.pod.port as number,
    chain = null as string[] | null,
  } = {},
) {
  const records: TraceRecord[] = []
  const who = identity(at, chain ?? [at])
  const memory = new TraceMemory({ entries: 10, maxAgeMs: 1000 }, () => 0)
  const deps = { identity: who, table, memory, record: recordInto(records, who) }
  const destination = { ...ADDRESS.pod, port }
  const made = planInbound({ client: ADDRESS.client, destination }, deps)(requestHead(fields))
  made.recorder.done({ requestBytes: 1, responseBytes: 2, error: null })
  const set = made.kind === 'forward' ? Object.fromEntries(made.setHeaders) : {}
  const target = made.kind === 'forward' ? formatAddress(made.target) : null
  return { made, set, target, memory, records, route: records[0]?.route, record: records[0] }
}

test.each([
  ['header', { [HEADER.routeAs]: 'alice' }, undefined],
  ['baggage', { baggage: 'azds-route-as=alice' }, 'alice'],
  ['cookie', { cookie: 'azds-route-as=alice' }, 'alice'],
  ['host', { host: 'alice.s.dev.orders.example.test' }, 'alice'],
])('a %s from outside is delivered to the pod of its space', (source, fields, added) => {
  const { target, set, route } = plan({ ...fields, traceparent: TRACEPARENT }, { at: 'alice' })
  expect(target).toBe(APP)
  expect(route).toMatchObject({ contextSource: source, reason: 'local' })
  expect(set[HEADER.routeAs]).toBe(added)
  expect(set[HEADER.hop]).toBeUndefined()
})

test('the pod’s own space is the last source, and adds no header', () => {
  const { target, set, route, memory } = plan({ traceparent: TRACEPARENT }, { at: 'alice' })
  expect(target).toBe(APP)
  expect(route).toMatchObject({ context: 'alice', contextSource: 'origin', reason: 'local' })
  expect(Object.keys(set)).toEqual(['traceparent'])
  expect(memory.spaceOf(TRACE_ID)).toBeNull()
})

test('who asks a pod that is not ready and names no space means that pod', () => {
  const services = [
    service('dev', 'orders', ADDRESS.devOrders.ip),
    service('alice', 'orders', ADDRESS.aliceOrders.ip, { ready: 0 }),
  ]
  const table = tableOf(snapshot({ services }))
  expect(plan({}, { at: 'alice', table }).target).toBe(APP)
  expect(plan({ [HEADER.routeAs]: 'alice' }, { at: 'alice', table }).route?.reason).toBe(
    'fallback-not-ready',
  )
})

test('a request from outside that belongs to a child is sent on to it as an outbound one', () => {
  const { target, set, route, record } = plan({ cookie: 'azds-route-as=alice' })
  expect(target).toBe(formatAddress(ADDRESS.aliceOrders))
  expect(set).toEqual({
    [HEADER.hop]: '1',
    [HEADER.routeAs]: 'alice',
    traceparent: expect.any(String),
  })
  expect(route).toMatchObject({ reason: 'child', originalDestination: APP })
  expect(record).toMatchObject({ direction: 'inbound', service: 'orders', hop: 1 })
})

test('a sibling’s request is sent on to the parent, which answers for the sibling', () => {
  const { target, route } = plan({ [HEADER.routeAs]: 'bob' }, { at: 'alice' })
  expect(target).toBe(formatAddress(ADDRESS.devOrders))
  expect(route?.reason).toBe('fallback-absent')
})

test('a child without the service is answered by the root’s pod itself', () => {
  const { target, route, set } = plan({ [HEADER.routeAs]: 'bob' })
  expect(target).toBe(APP)
  expect(route?.reason).toBe('fallback-absent')
  expect(set[HEADER.hop]).toBeUndefined()
})

test('what a sidecar has sent is delivered, whatever it names', () => {
  const { target, route, set, record } = plan({ [HEADER.routeAs]: 'alice', [HEADER.hop]: '2' })
  expect(target).toBe(APP)
  expect(route?.reason).toBe('delivered')
  expect(record?.hop).toBe(2)
  expect(Object.keys(set)).toEqual(['traceparent'])
})

test('a request that has gone round too often is refused', () => {
  expect(plan({ [HEADER.hop]: '8' }).made.kind).toBe('forward')
  expect(plan({ [HEADER.hop]: '9' }).made).toMatchObject({ kind: 'refuse', code: 'too-many-hops' })
})

test.each([
  ['of another tree', 'shop'],
  ['that nobody knows', 'nowhere'],
])('a space %s changes nothing and is not remembered', (_, space) => {
  const fields = { cookie: `azds-route-as=${space}`, traceparent: TRACEPARENT }
  const { target, set, route, memory } = plan(fields)
  expect(target).toBe(APP)
  expect(set[HEADER.routeAs]).toBeUndefined()
  expect(route?.reason).toBe('other-tree')
  expect(memory.spaceOf(TRACE_ID)).toBeNull()
})

test.each([
  ['one from outside', {}],
  ['one that a sidecar sent', { [HEADER.hop]: '1' }],
])('the space of a tagged request is remembered by its trace id: %s', (_, more) => {
  const fields = { [HEADER.routeAs]: 'alice', traceparent: TRACEPARENT, ...more }
  expect(plan(fields).memory.spaceOf(TRACE_ID)).toBe('alice')
})

test('a tagged request without a traceparent is remembered by the one that it gets', () => {
  const { record, memory, set } = plan({ [HEADER.routeAs]: 'alice', [HEADER.hop]: '1' })
  expect(memory.spaceOf(record?.traceId ?? '')).toBe('alice')
  expect(set['traceparent']).toBe(`00-${record?.traceId}-${record?.spanId}-01`)
})

test('a probe passes unchanged and leaves no record', () => {
  const { made, records } = plan({ 'User-Agent': 'kube-probe/1.34', [HEADER.routeAs]: 'alice' })
  expect(made).toMatchObject({ kind: 'forward', setHeaders: [], target: ADDRESS.pod })
  expect(records).toEqual([])
})

test('a port that no Service leads to is served by the app, under the workload’s name', () => {
  const { target, route, record } = plan({ [HEADER.routeAs]: 'alice' }, { port: 9999 })
  expect(target).toBe(`${ADDRESS.pod.ip}:9999`)
  expect(route?.reason).toBe('not-a-space-service')
  expect(record?.service).toBe('orders')
})

test('without a table all is delivered, and the space is kept for what follows', () => {
  const fields = { cookie: 'azds-route-as=alice', traceparent: TRACEPARENT }
  const { target, set, route, memory } = plan(fields, { table: tableOf(null) })
  expect(target).toBe(APP)
  expect(set[HEADER.routeAs]).toBe('alice')
  expect(route?.reason).toBe('no-table')
  expect(memory.spaceOf(TRACE_ID)).toBe('alice')
})

test('of several Services that select the pod, the one that the request names counts', () => {
  const services = ['orders-twin', 'orders'].map((name) => service('dev', name, '10.96.0.8'))
  const self = services.map(({ name }) => ({ service: name, port: 80, targetPort: 8080 }))
  const table = tableOf(snapshot({ services, self }))
  expect(plan({ Host: 'orders.dev:80' }, { table }).record?.service).toBe('orders')
  expect(plan({ Host: 'example.test' }, { table }).record?.service).toBe('orders-twin')
})
