import { expect, test } from '@jest/globals'
import { formatAddress } from '../../core/routing-table.ts'
import { decisionsTo } from '../../proxy/known-decision.ts'
import { ADDRESS, service, snapshot, tableOf } from './sample-tree.ts'

test('connections to one destination share a decision until the table or the context changes', () => {
  const table = tableOf()
  const first = decisionsTo(table, ADDRESS.devOrders)('alice')
  expect(first.target).toEqual(ADDRESS.aliceOrders)
  expect(decisionsTo(table, ADDRESS.devOrders)('alice')).toBe(first)
  expect(decisionsTo(table, ADDRESS.devOrders)('bob').target).toEqual(ADDRESS.devOrders)
  expect(decisionsTo(table, ADDRESS.devStock)('alice').target).toEqual(ADDRESS.devStock)
  table.apply(snapshot({ services: [service('dev', 'orders', ADDRESS.devOrders.ip)] }))
  expect(decisionsTo(table, ADDRESS.devOrders)('alice').target).toEqual(ADDRESS.devOrders)
})

test('each connection to another space’s headless service gets an endpoint of its own choice, and keeps it', () => {
  const endpoints = ['10.244.1.1:80', '10.244.1.2:80']
  const port = { name: 'http', port: 80, appProtocol: '', ready: 2, endpoints }
  const headless = { space: 'alice', name: 'orders', clusterIPs: [], ports: [port] }
  const services = [service('dev', 'orders', ADDRESS.devOrders.ip), headless]
  const table = tableOf(snapshot({ services }))
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const decide = decisionsTo(table, ADDRESS.devOrders)
    const { target } = decide('alice')
    expect(decide('alice').target).toBe(target)
    seen.add(formatAddress(target))
  }
  expect([...seen].toSorted()).toEqual(endpoints)
})
