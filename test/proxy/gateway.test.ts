import { expect, test } from '@jest/globals'
import { HEADER } from '../../core/names.ts'
import { formatAddress } from '../../core/routing-table.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { planGateway } from '../../proxy/gateway.ts'
import { requestHead } from './sample-head.ts'
import { ADDRESS, identity, recordInto, service, snapshot, tableOf } from './sample-tree.ts'

const GATEWAY = { ip: '10.244.0.3', port: 8000 }

function plan(host: string, { fields = {}, table = tableOf() } = {}) {
  const records: TraceRecord[] = []
  const record = recordInto(records, identity('azds'))
  const made = planGateway(ADDRESS.client, GATEWAY, { table, record })(
    requestHead({ Host: host, ...fields }),
  )
  made.recorder.done({ requestBytes: 1, responseBytes: 2, error: null })
  const set = made.kind === 'forward' ? Object.fromEntries(made.setHeaders) : {}
  const target = made.kind === 'forward' ? formatAddress(made.target) : made.code
  return { made, set, target, record: records[0] }
}

test.each([
  ['alice.s.dev.orders.localhost:8000', formatAddress(ADDRESS.aliceOrders), 'child', 'alice'],
  ['alice.s.dev.stock.example.test', formatAddress(ADDRESS.devStock), 'fallback-absent', 'alice'],
  ['dev.orders.example.test', formatAddress(ADDRESS.devOrders), 'no-context', undefined],
  ['DEV.Orders.Example.Test', formatAddress(ADDRESS.devOrders), 'no-context', undefined],
  ['gone.s.dev.orders.example.test', formatAddress(ADDRESS.devOrders), 'other-tree', undefined],
  ['alice.s.shop.pay.example.test', formatAddress(ADDRESS.shopPay), 'other-tree', undefined],
])('%s leads to %s because of %s', (host, expected, reason, routeAs) => {
  const { target, set, record } = plan(host)
  expect(target).toBe(expected)
  expect(record?.route.reason).toBe(reason)
  expect(set[HEADER.routeAs]).toBe(routeAs)
  expect(set[HEADER.hop]).toBe('1')
  expect(record).toMatchObject({ direction: 'gateway', authority: host })
})

test('the address wins over a header, and a cookie counts on a root’s own address', () => {
  const fields = { [HEADER.routeAs]: 'bob' }
  const { record, set } = plan('alice.s.dev.orders.test.it', { fields })
  expect(record?.route.context).toBe('alice')
  // Left as it was, it would lead the next hop to another space than this one.
  expect(set[HEADER.routeAs]).toBe('alice')
  const cookie = { cookie: 'azds-route-as=alice' }
  expect(plan('dev.orders.test.it', { fields: cookie }).target).toBe(
    formatAddress(ADDRESS.aliceOrders),
  )
})

test('a service that only the child has is found', () => {
  const services = [service('alice', 'fresh', '10.96.1.9')]
  const table = tableOf(snapshot({ services }))
  expect(plan('alice.s.dev.fresh.test.it', { table }).target).toBe('10.96.1.9:80')
  expect(plan('bob.s.dev.fresh.test.it', { table }).target).toBe('unknown-host')
})

test.each([
  ['a host without a service', 'localhost:8000', tableOf(), 'unknown-host'],
  ['an address', '127.0.0.1:8000', tableOf(), 'unknown-host'],
  ['a child as root', 'alice.orders.example.test', tableOf(), 'unknown-host'],
  ['a service that is not', 'dev.nothing.example.test', tableOf(), 'unknown-host'],
  ['anything before the first table', 'dev.orders.example.test', tableOf(null), 'unavailable'],
])('%s is refused, with a record and the shape to use', (_, host, table, code) => {
  const { made, record } = plan(host, { table })
  expect(made).toMatchObject({ kind: 'refuse', code })
  if (made.kind === 'refuse' && code === 'unknown-host') {
    expect(made.message).toContain('<space>.s.<root>.<service>.<suffix>')
  }
  expect(record?.authority).toBe(host)
})

test('a headless service is reached at an endpoint, and one without any is unavailable', () => {
  const ports = [{ name: '', port: 80, appProtocol: '', ready: 1, endpoints: ['10.244.0.5:8080'] }]
  const headless = { space: 'dev', name: 'db', clusterIPs: [], ports }
  const empty = { ...headless, ports: [{ ...ports[0], endpoints: [], ready: 0 }] }
  const tableWith = (one: unknown) => tableOf(snapshot({ services: [one as typeof headless] }))
  expect(plan('dev.db.test.it', { table: tableWith(headless) }).target).toBe('10.244.0.5:8080')
  expect(plan('dev.db.test.it', { table: tableWith(empty) }).target).toBe('unavailable')
})

test('connections to one address share where it leads, until the table changes', () => {
  const table = tableOf()
  const host = 'alice.s.dev.orders.test.it'
  const targetOf = () => {
    const { made } = plan(host, { table })
    return made.kind === 'forward' ? made.target : null
  }
  const first = targetOf()
  expect(first).toEqual(ADDRESS.aliceOrders)
  expect(targetOf()).toBe(first)
  expect(plan('ALICE.s.dev.orders.other.it', { table }).record?.authority).toMatch(/^ALICE/)
  table.apply(snapshot({ services: [service('dev', 'orders', '10.96.9.9')] }))
  expect(plan(host, { table }).target).toBe('10.96.9.9:80')
  table.apply(snapshot({ services: [] }))
  expect(plan(host, { table }).target).toBe('unknown-host')
})

test('however many addresses there are, each leads to its own service', () => {
  const table = tableOf()
  const long = 'x'.repeat(300)
  for (let number = 0; number < 600; number++) {
    const suffix = `${number % 300}.${number % 2 === 0 ? 'it' : long}`
    const child = plan(`alice.s.dev.orders.${suffix}`, { table })
    expect(child.target).toBe(formatAddress(ADDRESS.aliceOrders))
    expect(child.record?.authority).toBe(`alice.s.dev.orders.${suffix}`)
    expect(plan(`dev.orders.${suffix}`, { table }).target).toBe(formatAddress(ADDRESS.devOrders))
  }
})
