import { expect, test } from '@jest/globals'
import { HEADER } from '../../core/names.ts'
import { type Address, formatAddress } from '../../core/routing-table.ts'
import type { HeaderList, TraceRecord } from '../../core/trace-record.ts'
import { planOutbound } from '../../proxy/outbound.ts'
import { TraceMemory } from '../../proxy/trace-memory.ts'
import { requestHead } from './sample-head.ts'
import { ADDRESS, identity, recordInto, service, snapshot, tableOf } from './sample-tree.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const PARENT_ID = 'b7ad6b7169203331'
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-00`

function plan(
  fields: Record<string, string> | HeaderList,
  {
    from = 'dev',
    to = ADDRESS.devOrders as Address,
    table = tableOf(),
    target = '/',
    remembered = null as string | null,
    chain = null as string[] | null,
  } = {},
) {
  const records: TraceRecord[] = []
  const who = identity(from, chain ?? [from])
  const memory = new TraceMemory({ entries: 10, maxAgeMs: 1000 }, () => 0)
  if (remembered) memory.remember(TRACE_ID, remembered)
  const deps = { identity: who, table, memory, record: recordInto(records, who) }
  const connection = { client: ADDRESS.client, destination: to, named: null }
  const made = planOutbound(connection, deps)(requestHead(fields, { target }))
  made.recorder.done({ requestBytes: 1, responseBytes: 2, error: null })
  const [record] = records
  if (!record) throw new Error('no record was written')
  const set = made.kind === 'forward' ? Object.fromEntries(made.setHeaders) : {}
  return { made, record, set, target: made.kind === 'forward' ? formatAddress(made.target) : null }
}

test.each([
  ['header', { [HEADER.routeAs]: 'alice' }, {}],
  ['baggage', { baggage: 'a=b,azds-route-as=alice' }, {}],
  ['cookie', { Cookie: 'a=b; azds-route-as=alice' }, {}],
  ['host', { Host: 'alice.s.dev.orders.example.test' }, {}],
  ['trace', { traceparent: TRACEPARENT }, { remembered: 'alice' }],
  ['origin', {}, { from: 'alice' }],
])('the %s leads to the child’s version, and the record says so', (source, fields, options) => {
  const { target, set, record } = plan(fields, options)
  expect(target).toBe(formatAddress(ADDRESS.aliceOrders))
  expect(record.route).toMatchObject({ context: 'alice', contextSource: source, reason: 'child' })
  expect(record.service).toBe('orders')
  expect(set[HEADER.routeAs]).toBe(source === 'header' ? undefined : 'alice')
})

test.each(['', 'Not A Name', 'alice, alice'])(
  'a header that names no space (%j) counts as absent, and gives way to the context',
  (value) => {
    const { set, record } = plan({ [HEADER.routeAs]: value }, { from: 'alice' })
    expect(record.route).toMatchObject({ context: 'alice', contextSource: 'origin' })
    expect(set[HEADER.routeAs]).toBe('alice')
  },
)

test.each<[string, HeaderList]>([
  [
    'baggage',
    [
      ['baggage', 'a=b'],
      ['Baggage', 'azds-route-as=alice'],
    ],
  ],
  [
    'cookie',
    [
      ['Cookie', 'a=b'],
      ['cookie', 'azds-route-as=alice'],
    ],
  ],
])('the %s counts also where it comes in several fields', (source, fields) => {
  expect(plan(fields).record.route).toMatchObject({ context: 'alice', contextSource: source })
})

test('an absolute target overrides the Host header', () => {
  const target = 'http://alice.s.dev.orders.example.test/x'
  const { record } = plan({ Host: 'orders' }, { target })
  expect(record).toMatchObject({ authority: 'alice.s.dev.orders.example.test', path: '/x' })
  expect(record.route.contextSource).toBe('host')
})

test('without a context the original destination is kept, and no space is written', () => {
  const { target, set, record } = plan({})
  expect(target).toBe(formatAddress(ADDRESS.devOrders))
  expect(set).toEqual({ [HEADER.hop]: '1', traceparent: expect.any(String) })
  expect(record.route.reason).toBe('no-context')
})

test('a pod of a root space gives its requests no context', () => {
  expect(plan({}, { from: 'dev' }).record.route.contextSource).toBe('none')
})

test('the table, not the chain of the pod’s start, says whether the pod is in a child space', () => {
  const spaces = [{ name: 'alice', parent: null }]
  const table = tableOf(snapshot({ spaces, services: [], self: [] }))
  const { record } = plan({}, { from: 'alice', chain: ['alice', 'dev'], table })
  expect(record.route.contextSource).toBe('none')
})

test.each([
  ['of another tree', 'shop'],
  ['that nobody knows', 'nowhere'],
])('a space %s changes nothing', (_, space) => {
  const { target, set, record } = plan({ baggage: `azds-route-as=${space}` })
  expect(target).toBe(formatAddress(ADDRESS.devOrders))
  expect(set[HEADER.routeAs]).toBeUndefined()
  expect(record.route.reason).toBe('other-tree')
})

test('a sibling without the service gets the parent’s version, and stays the context', () => {
  const { target, set, record } = plan({ cookie: 'azds-route-as=bob' })
  expect(target).toBe(formatAddress(ADDRESS.devOrders))
  expect(set[HEADER.routeAs]).toBe('bob')
  expect(record.route.tried).toEqual([
    { space: 'bob', outcome: 'absent' },
    { space: 'dev', outcome: 'chosen' },
  ])
})

test('a child’s version that is not ready is passed over, with that reason', () => {
  const services = [
    service('dev', 'orders', ADDRESS.devOrders.ip),
    service('alice', 'orders', ADDRESS.aliceOrders.ip, { ready: 0 }),
  ]
  const { target, record } = plan(
    { [HEADER.routeAs]: 'alice' },
    { table: tableOf(snapshot({ services })) },
  )
  expect(target).toBe(formatAddress(ADDRESS.devOrders))
  expect(record.route.reason).toBe('fallback-not-ready')
})

test('what goes to no service of a space is recorded but not changed by a byte', () => {
  const { made, record } = plan(
    { [HEADER.routeAs]: 'alice', [HEADER.hop]: '8', traceparent: TRACEPARENT },
    { to: ADDRESS.internet },
  )
  expect(made).toMatchObject({ kind: 'forward', target: ADDRESS.internet, setHeaders: [] })
  expect(record).toMatchObject({
    traceId: TRACE_ID,
    parentSpanId: PARENT_ID,
    service: null,
    hop: 8,
  })
  expect(record.route.reason).toBe('not-a-space-service')
})

test('a valid traceparent keeps its trace and flags, and names our record as the parent', () => {
  const { set, record } = plan({ traceparent: TRACEPARENT })
  expect(record).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID })
  expect(set['traceparent']).toBe(`00-${TRACE_ID}-${record.spanId}-00`)
})

test.each([
  ['missing', {}],
  ['invalid', { traceparent: '00-zz' }],
  ['all zero', { traceparent: `00-${'0'.repeat(32)}-${PARENT_ID}-01` }],
])('a %s traceparent is replaced by a new one', (_, fields) => {
  const { set, record } = plan(fields)
  expect(record.parentSpanId).toBeNull()
  expect(set['traceparent']).toBe(`00-${record.traceId}-${record.spanId}-01`)
})

test.each([
  ['no hop', undefined, '1'],
  ['a hop', '3', '4'],
  ['a hop that is no number', 'x', '1'],
])('%s is counted on', (_, value, next) => {
  const { set, record } = plan(value === undefined ? {} : { [HEADER.hop]: value })
  expect(set[HEADER.hop]).toBe(next)
  expect(record.hop).toBe(Number(next))
})

test('the hop after the last allowed one is refused, and recorded', () => {
  expect(plan({ [HEADER.hop]: '7' }).made.kind).toBe('forward')
  const { made, record } = plan({ [HEADER.hop]: '8' })
  expect(made).toMatchObject({ kind: 'refuse', code: 'too-many-hops' })
  expect(record.hop).toBe(9)
})
