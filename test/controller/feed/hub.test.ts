/** What a hub sends to readers, and when. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { COALESCE_MS, type FeedReader } from '../../../controller/feed/hub.ts'
import { AT_ONCE, PATIENCE_MS } from '../../../controller/feed/snapshot-writer.ts'
import { FEED_HEARTBEAT_MS, type FeedService, returnSpreadMs } from '../../../core/routing-feed.ts'
import { Reader, World } from './hub-world.ts'

const DEV: FeedReader = { scope: 'tree', namespace: 'dev', pod: 'web-1' }
const OPS: FeedReader = { scope: 'tree', namespace: 'ops', pod: 'web-1' }

jest.useFakeTimers()

let world: World
function setUp(): World {
  world = new World()
  return world
}
afterEach(() => world.hub.close())

test('a reader waits for the first lists and then gets a snapshot', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.subscribe(DEV, reader)
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.messages).toEqual([])
  hub.start()
  expect(reader.messages).toMatchObject([
    { type: 'snapshot', spaces: [{ name: 'dev', parent: null }], services: [], self: [] },
  ])
})

test('a burst of changes reaches a reader as one delta within the coalescing time', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  world.addService('dev', 'one')
  world.addService('dev', 'two')
  expect(reader.types).toEqual(['snapshot'])
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.types).toEqual(['snapshot', 'delta'])
  expect(reader.messages[1]).toMatchObject({
    services: { put: [{ name: 'one' }, { name: 'two' }], remove: [] },
    self: null,
  })
})

test('changes that go on without a pause do not hold the delta back', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  for (let number = 0; number < 10; number += 1) {
    world.addService('dev', `s${number}`)
    jest.advanceTimersByTime(COALESCE_MS / 2)
  }
  expect(reader.types.filter((type) => type === 'delta').length).toBeGreaterThanOrEqual(4)
})

test('a change of another tree is not sent', () => {
  const { hub } = setUp()
  const [dev, ops, all] = [new Reader(), new Reader(), new Reader()]
  hub.start()
  hub.subscribe(DEV, dev)
  hub.subscribe(OPS, ops)
  hub.subscribe({ scope: 'all' }, all)
  world.addService('ops', 'web')
  jest.advanceTimersByTime(COALESCE_MS)
  expect([dev.types, ops.types, all.types]).toEqual([
    ['snapshot'],
    ['snapshot', 'delta'],
    ['snapshot', 'delta'],
  ])
})

test('a namespace that becomes a space later gets its tree', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe({ scope: 'tree', namespace: 'alice', pod: 'p' }, reader)
  expect(reader.messages[0]).toMatchObject({ type: 'snapshot', spaces: [], services: [] })
  world.change(() => world.spaces.set('alice', { name: 'alice', parent: 'dev' }))
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.messages[1]).toMatchObject({
    type: 'snapshot',
    spaces: [{ name: 'dev' }, { name: 'alice' }],
  })
})

test('a space that moves to another tree loses the old one and gets the new one', () => {
  const { hub } = setUp()
  world.spaces.set('alice', { name: 'alice', parent: 'dev' })
  world.services.set('dev/web', { space: 'dev', name: 'web', clusterIPs: [], ports: [] })
  world.services.set('ops/db', { space: 'ops', name: 'db', clusterIPs: [], ports: [] })
  const reader = new Reader()
  hub.start()
  hub.subscribe({ scope: 'tree', namespace: 'alice', pod: 'p' }, reader)
  world.change(() => world.spaces.set('alice', { name: 'alice', parent: 'ops' }))
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.messages[1]).toMatchObject({
    type: 'snapshot',
    spaces: [{ name: 'ops' }, { name: 'alice', parent: 'ops' }],
    services: [{ space: 'ops', name: 'db' }],
  })
})

test('a change of the pod’s own ports is sent by itself', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  const self = [{ service: 'web', port: 80, targetPort: 8080 }]
  world.change(() => {
    world.self = self
  })
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.messages[1]).toMatchObject({ type: 'delta', services: { put: [] }, self })
})

test('a pod is told once that it is being deleted, also by its first snapshot', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  world.change(() => {
    world.leaving = true
  })
  jest.advanceTimersByTime(COALESCE_MS)
  world.addService('dev', 'other')
  jest.advanceTimersByTime(COALESCE_MS)
  const late = new Reader()
  hub.subscribe(DEV, late)
  const said = [...reader.messages, ...late.messages].map((message) => 'leaving' in message)
  expect(said).toEqual([false, true, false, true])
})

test('versions grow within an epoch', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  for (const name of ['one', 'two']) {
    world.addService('dev', name)
    jest.advanceTimersByTime(COALESCE_MS)
  }
  const numbers = reader.versions.map(({ number }) => number)
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  expect(new Set(numbers).size).toBe(3)
  expect(new Set(reader.versions.map(({ epoch }) => epoch))).toEqual(new Set(['e']))
})

test('a silent feed has a heartbeat at least as often as the contract says', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  for (const beats of [1, 2, 3]) {
    jest.advanceTimersByTime(FEED_HEARTBEAT_MS)
    expect(reader.types.filter((type) => type === 'heartbeat').length).toBeGreaterThanOrEqual(beats)
  }
  expect(reader.versions.at(-1)).toEqual(reader.versions[0])
})

test('a reader that is behind gets nothing, and one delta for all it missed once it has caught up', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  const subscription = hub.subscribe(DEV, reader)
  reader.keepsUp = false
  world.addService('dev', 'one')
  jest.advanceTimersByTime(COALESCE_MS)
  for (const name of ['two', 'three']) {
    world.addService('dev', name)
    jest.advanceTimersByTime(COALESCE_MS)
  }
  expect(reader.types).toEqual(['snapshot', 'delta'])
  reader.keepsUp = true
  subscription.drained()
  expect(reader.messages[2]).toMatchObject({
    type: 'delta',
    services: { put: [{ name: 'two' }, { name: 'three' }] },
  })
})

test('a reader that never catches up is let go after three heartbeats', () => {
  const { hub } = setUp()
  const reader = new Reader()
  reader.keepsUp = false
  hub.start()
  hub.subscribe(DEV, reader)
  jest.advanceTimersByTime(3 * FEED_HEARTBEAT_MS)
  expect(reader.isCut).toBe(false)
  jest.advanceTimersByTime(FEED_HEARTBEAT_MS)
  // Not ended: what it has not taken would be waited for.
  expect(reader).toMatchObject({ isCut: true, ended: false })
  expect(hub.size).toBe(0)
})

test('closing the hub ends every feed', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  hub.close()
  expect(reader.ended).toBe(true)
})

test('at the end a reader that has not taken its last line is told to come back, one in the middle of a line is cut', () => {
  const { hub } = setUp()
  const [short, long] = [new Reader(), new Reader()]
  world.services.set('ops/web', longService('ops'))
  hub.start()
  short.keepsUp = false
  hub.subscribe(DEV, short)
  long.keepsUp = false
  hub.subscribe(OPS, long)
  hub.close()
  expect(short.types).toEqual(['snapshot', 'bye'])
  expect(short).toMatchObject({ ended: true, isCut: false })
  expect(long.messages).toEqual([])
  expect(long).toMatchObject({ ended: false, isCut: true })
})

test('a feed that is asked for during the end is ended at once', () => {
  const { hub } = setUp()
  hub.close()
  hub.start()
  const reader = new Reader()
  hub.subscribe(DEV, reader)
  expect(reader).toMatchObject({ ended: true, messages: [] })
  expect(hub.size).toBe(0)
})

test('a reader that comes with the table as it is may go on; it hears only of its pod', () => {
  const { hub } = setUp()
  world.self = [{ service: 'web', port: 80, targetPort: 8080 }]
  hub.start()
  const [first, again] = [new Reader(), new Reader()]
  hub.subscribe(DEV, first)
  const digest = digestIn(first)
  hub.subscribe(DEV, again, { digest })
  expect(again.messages).toEqual([
    { type: 'resume', version: first.versions[0], digest, self: world.self },
  ])
})

test('a reader that comes with an earlier table gets what has changed since', () => {
  const { hub } = setUp()
  hub.start()
  const [first, again] = [new Reader(), new Reader()]
  hub.subscribe(DEV, first)
  const digest = digestIn(first)
  world.addService('dev', 'one')
  jest.advanceTimersByTime(COALESCE_MS)
  hub.subscribe(DEV, again, { digest })
  expect(again.messages).toMatchObject([
    { type: 'delta', services: { put: [{ name: 'one' }], remove: [] }, self: [] },
  ])
})

test('a reader that comes with a table of another tree, or of nobody’s, gets a snapshot', () => {
  const { hub } = setUp()
  hub.start()
  const [ops, stranger, own] = [new Reader(), new Reader(), new Reader()]
  hub.subscribe(OPS, ops)
  for (const [reader, digest] of [
    [own, digestIn(ops)],
    [stranger, 'f'.repeat(32)],
  ] as const) {
    hub.subscribe(DEV, reader, { digest })
    expect(reader.types).toEqual(['snapshot'])
  }
})

test('a pod whose containers are done is told so once', () => {
  const { hub } = setUp()
  const reader = new Reader()
  hub.start()
  hub.subscribe(DEV, reader)
  world.change(() => {
    world.finished = true
  })
  jest.advanceTimersByTime(COALESCE_MS)
  world.addService('dev', 'other')
  jest.advanceTimersByTime(COALESCE_MS)
  expect(reader.messages.map((message) => 'finished' in message)).toEqual([false, true, false])
})

test('readers are told to come back one after the other, and how many they are', () => {
  const { hub } = setUp()
  const readers = Array.from({ length: 3 }, () => new Reader())
  hub.start()
  for (const reader of readers) hub.subscribe(DEV, reader)
  jest.advanceTimersByTime(FEED_HEARTBEAT_MS)
  expect(readers[0]?.messages.at(-1)).toMatchObject({ type: 'heartbeat', readers: 3 })
  hub.close()
  expect(readers[0]?.messages.at(-1)).toEqual({
    type: 'bye',
    afterMs: Math.floor(returnSpreadMs(3) / 2),
  })
})

test('the sidecars that are connected are listed with what they tell of themselves', () => {
  const { hub } = setUp()
  const report = { version: '1.2.3', search: ['dev.svc.cluster.local'], parentLookup: null }
  const waiting = hub.subscribe(DEV, new Reader(), { report })
  hub.subscribe({ scope: 'all' }, new Reader())
  const about = { namespace: 'dev', pod: 'web-1', since: 1000, report }
  expect(hub.sidecars()).toEqual([{ ...about, table: null }])
  hub.start()
  expect(hub.sidecars()).toEqual([{ ...about, table: 'e.0' }])
  waiting.closed()
  expect(hub.sidecars()).toEqual([])
})

test('of many long snapshots only some are under way at once, and a reader that stalls holds up nobody', () => {
  const { hub } = setUp()
  world.services.set('dev/web', longService('dev'))
  const readers = Array.from({ length: AT_ONCE + 4 }, () => new Reader())
  hub.start()
  for (const reader of readers) {
    reader.keepsUp = false
    hub.subscribe(DEV, reader)
  }
  const begun = () => readers.filter(({ bytes }) => bytes > 0).length
  expect(begun()).toBe(AT_ONCE)
  const held = readers.reduce((sum, { bytes }) => sum + bytes, 0)
  // A slice each, not the whole.
  expect(held / AT_ONCE).toBeLessThan(205_000)
  jest.advanceTimersByTime(PATIENCE_MS)
  expect(begun()).toBe(readers.length)
  expect(readers.every(({ messages }) => messages.length === 0)).toBe(true)
})

/** One item that is longer than a slice. */
function longService(space: string): FeedService {
  const appProtocol = 'x'.repeat(200_000)
  const port = { name: '', port: 80, appProtocol, ready: 1, endpoints: [] }
  return { space, name: 'web', clusterIPs: [], ports: [port] }
}

function digestIn({ messages }: Reader): string {
  const [first] = messages
  if (first?.type !== 'snapshot' || first.digest === undefined) throw new Error('no snapshot')
  return first.digest
}
