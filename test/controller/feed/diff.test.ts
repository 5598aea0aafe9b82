/** A snapshot and deltas lead to the same table as a newer snapshot. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { diffViews, EMPTY_VIEW, type View } from '../../../controller/feed/diff.ts'
import { viewsOf } from '../../../controller/feed/views.ts'
import { type FeedService, serviceKey } from '../../../core/routing-feed.ts'
import { RoutingTable } from '../../../core/routing-table.ts'
import type { Space } from '../../../core/spaces.ts'

const NAMES = ['a', 'b', 'c', 'd']
const version = { epoch: 'e', number: 1 }

const anyName = fc.constantFrom(...NAMES)
const anySpaces = fc
  .uniqueArray(fc.record({ name: anyName, parent: fc.option(anyName) }), {
    selector: (space) => space.name,
  })
  .map((spaces) => new Map(spaces.map((space): [string, Space] => [space.name, space])))
const anyService: fc.Arbitrary<FeedService> = fc.record({
  space: anyName,
  name: fc.constantFrom('web', 'db'),
  clusterIPs: fc.uniqueArray(fc.constantFrom('10.96.0.1', '10.96.0.2', 'fd00::1')),
  ports: fc.uniqueArray(
    fc.record({
      name: fc.constant(''),
      port: fc.constantFrom(80, 81),
      appProtocol: fc.constant(''),
      ready: fc.nat(2),
      endpoints: fc.constant([]),
    }),
    { selector: (port) => port.port },
  ),
})
const anyServices = fc
  .uniqueArray(anyService, { selector: ({ space, name }) => serviceKey(space, name) })
  .map((list) => list.map((one): [string, FeedService] => [serviceKey(one.space, one.name), one]))
const anyCluster = fc.record({ spaces: anySpaces, services: anyServices })

function tableOf({ spaces, services }: View): RoutingTable {
  const table = new RoutingTable()
  table.apply({
    type: 'snapshot',
    version,
    spaces: [...spaces.values()],
    services: [...services.values()],
    self: [],
  })
  return table
}

const stateOf = (table: RoutingTable) => ({
  spaces: new Map(table.spaces),
  services: new Map(table.services),
})

test('the old view plus the difference is the new view, also across trees that change', () => {
  fc.assert(
    fc.property(anyCluster, anyCluster, anyName, (before, after, reader) => {
      const old = viewsOf(before.spaces, before.services).ofNamespace(reader)
      const now = viewsOf(after.spaces, after.services).ofNamespace(reader)
      const table = tableOf(old)
      const change = diffViews(old, now)
      if (change) table.apply({ type: 'delta', version, ...change, self: null })
      expect(stateOf(table)).toEqual(stateOf(tableOf(now)))
    }),
    { numRuns: 500 },
  )
})

test('views that say the same differ in nothing', () => {
  fc.assert(
    fc.property(anyCluster, ({ spaces, services }) => {
      const copy = () => viewsOf(spaces, JSON.parse(JSON.stringify(services))).all
      const [one, same] = [copy(), copy()]
      expect(diffViews(one, same)).toBeNull()
    }),
  )
})

test('a reader sees its own tree and nothing of another', () => {
  const spaces = new Map<string, Space>([
    ['dev', { name: 'dev', parent: null }],
    ['alice', { name: 'alice', parent: 'dev' }],
    ['ops', { name: 'ops', parent: null }],
  ])
  const service = (space: string): [string, FeedService] => [
    `${space}/web`,
    { space, name: 'web', clusterIPs: [], ports: [] },
  ]
  const views = viewsOf(spaces, [service('dev'), service('alice'), service('ops'), service('none')])
  expect([...views.ofNamespace('alice').services.keys()]).toEqual(['dev/web', 'alice/web'])
  expect([...views.ofNamespace('ops').spaces.keys()]).toEqual(['ops'])
  expect(views.ofNamespace('none')).toBe(EMPTY_VIEW)
  expect([...views.all.services.keys()]).toEqual(['dev/web', 'alice/web', 'ops/web'])
})
