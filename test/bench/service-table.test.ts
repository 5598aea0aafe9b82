import { expect, test } from '@jest/globals'
import { SPACE, SPACE_CHAIN, serviceTable } from '../../bench/service-table.ts'
import { decideOutbound } from '../../core/routing.ts'
import { RoutingTable } from '../../core/routing-table.ts'
import { parseFeedLine } from '../../proxy/feed-message.ts'

test.each([10, 1000, 10_000])('a table of %d services is one that the proxy takes', (size) => {
  const message = serviceTable(size, '10.88.0.10', [8080, 8081])
  expect(parseFeedLine(JSON.stringify(message))).toMatchObject({ ok: true })
  const table = new RoutingTable()
  table.apply(message)
  expect(table.services.size).toBe(size)
  expect(table.chain(SPACE)?.names.join(',')).toBe(SPACE_CHAIN)
})

test('every service has an address of its own', () => {
  const message = serviceTable(10_000, '10.88.0.10', [80])
  const services = message.type === 'snapshot' ? message.services : []
  expect(new Set(services.flatMap(({ clusterIPs }) => clusterIPs)).size).toBe(10_000)
})

test('a request of the child space to the backend is routed: its own version is missing', () => {
  const table = new RoutingTable()
  table.apply(serviceTable(100, '10.88.0.10', [8081]))
  expect(decideOutbound(table, { ip: '10.88.0.10', port: 8081 }, SPACE)).toMatchObject({
    reason: 'fallback-absent',
    target: { ip: '10.88.0.10', port: 8081 },
  })
})

test('some services have versions in a child space', () => {
  const table = new RoutingTable()
  table.apply(serviceTable(100, '10.88.0.10', [8081]))
  expect(decideOutbound(table, { ip: '10.96.0.9', port: 80 }, 'bob')).toMatchObject({
    reason: 'child',
    service: { space: 'bob', name: 'service-8' },
  })
})
