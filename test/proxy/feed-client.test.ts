import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import { RoutingTable } from '../../core/routing-table.ts'
import { FeedClient } from '../../proxy/feed-client.ts'
import { eventually, type FakeController, fakeController, line } from './fake-controller.ts'
import { askAt } from './loopback-ways.ts'
import { service, snapshot } from './sample-tree.ts'
import { undisturbed } from './undisturbed.ts'

let controller: FakeController
let table: RoutingTable
let client: FeedClient

beforeEach(async () => {
  controller = await fakeController([snapshot()])
  table = new RoutingTable()
})

afterEach(async () => {
  client.stop()
  await controller.close()
})

function start({ silenceMs = 5000, onTable = () => {} } = {}): void {
  client = new FeedClient({
    ask: askAt(controller.url),
    query: { namespace: 'alice', pod: 'orders-1' },
    table,
    log: silentLog,
    now: Date.now,
    random: () => 0.02,
    silenceMs,
    onTable,
  })
  client.start()
}

const delta = (number: number, epoch = 'e1') => ({
  type: 'delta' as const,
  version: { epoch, number },
  spaces: { put: [], remove: [] },
  services: { put: [service('dev', `s${number}`, '10.96.9.9')], remove: ['alice/orders'] },
  self: null,
})

test('it names its pod, takes the snapshot and says so', async () => {
  let tables = 0
  start({ onTable: () => tables++ })
  await eventually('the table', () => table.version)
  expect(controller.queries).toEqual(['/v1/feed?namespace=alice&pod=orders-1'])
  expect(table.services.size).toBe(4)
  expect(client.state).toBe('streaming')
  expect(tables).toBe(1)
})

test('a delta changes the table, and a heartbeat does not', async () => {
  start()
  await eventually('the table', () => table.version)
  controller.say({ type: 'heartbeat', version: { epoch: 'e1', number: 1 } })
  controller.say(delta(2))
  await eventually('the delta', () => table.version?.number === 2)
  expect(table.service('dev', 's2')).not.toBeNull()
  expect(table.service('alice', 'orders')).toBeNull()
  expect(controller.queries).toHaveLength(1)
})

test('a line that comes in pieces, even within a character, is put together', async () => {
  controller.greeting = []
  start()
  await eventually('the feed', () => controller.queries.length)
  const text = line(snapshot({ services: [service('dev', 'grün', '10.96.0.1')] }))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 7) {
    controller.say(bytes.subarray(at, at + 7))
    if (at % 70 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await eventually('the table', () => table.service('dev', 'grün'))
})

test('a long line costs time in proportion to its length, not to its square', async () => {
  controller.greeting = []
  start({ silenceMs: 20_000 })
  await eventually('the feed', () => controller.queries.length)
  const begin = process.cpuUsage()
  const message = { ...snapshot(), services: [service('dev', 'x'.repeat(30e6), '10.96.0.1')] }
  controller.say(message)
  await eventually('the table', () => table.version, 20_000)
  const { user, system } = process.cpuUsage(begin)
  // Microseconds; joined anew for each of its 460 pieces it takes more than four seconds.
  expect(user + system).toBeLessThan(2e6)
}, 30_000)

test('a line without an end is not kept for ever', async () => {
  controller.greeting = []
  start({ silenceMs: 20_000 })
  await eventually('the feed', () => controller.queries.length)
  controller.say('x'.repeat(34e6))
  await eventually('the second feed', () => controller.queries.length === 2, 20_000)
}, 30_000)

test('a feed that is cut off is opened again, and the table stays in force meanwhile', async () => {
  start()
  await eventually('the table', () => table.version)
  controller.greeting = [line(snapshot({ version: { epoch: 'e2', number: 1 }, services: [] }))]
  controller.cut()
  await eventually('the loss', () => client.state === 'waiting')
  expect(table.services.size).toBe(4)
  await eventually('the new table', () => table.version?.epoch === 'e2')
  expect(table.services.size).toBe(0)
  expect(controller.queries).toHaveLength(2)
})

const DIGEST = 'd'.repeat(32)
const NEXT = 'e'.repeat(32)
const resume = { type: 'resume' as const, digest: DIGEST, self: [] }

test('after a loss it says which table it has, and may go on with it', async () => {
  controller.greeting = [line({ ...snapshot(), digest: DIGEST })]
  start()
  await eventually('the table', () => table.version)
  controller.say({ ...delta(2), digest: NEXT })
  await eventually('the delta', () => table.version?.number === 2)
  const version = { epoch: 'e2', number: 1 }
  controller.greeting = [line({ ...resume, version, digest: NEXT })]
  controller.cut()
  await eventually('the new feed', () => table.version?.epoch === 'e2')
  expect(controller.queries[1]).toContain(`&since=e1.2&digest=${NEXT}`)
  expect(table.service('dev', 's2')).not.toBeNull()
  expect(client.state).toBe('streaming')
  controller.say(delta(3, 'e2'))
  await eventually('a delta upon it', () => table.service('dev', 's3'))
})

test('a first delta leads on from the table that it asked with, into another epoch too', async () => {
  controller.greeting = [line({ ...snapshot(), digest: DIGEST })]
  start()
  await eventually('the table', () => table.version)
  controller.greeting = [line({ ...delta(9, 'e2'), digest: NEXT })]
  controller.cut()
  await eventually('the new feed', () => table.version?.epoch === 'e2')
  expect(table.service('dev', 's9')).not.toBeNull()
  expect(table.services.size).toBe(4)
})

test('a resume for another table than it has is none', async () => {
  controller.greeting = [line({ ...snapshot(), digest: DIGEST })]
  start()
  await eventually('the table', () => table.version)
  const version = { epoch: 'e2', number: 1 }
  controller.greeting = [line({ ...resume, version, digest: NEXT })]
  controller.cut()
  await eventually('a third feed', () => controller.queries.length >= 3)
  expect(table.version?.epoch).toBe('e1')
})

test('a controller that ends in order is asked again when it wants to be', async () => {
  start()
  await eventually('the table', () => table.version)
  controller.say({ type: 'bye', afterMs: 300 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  const cutAt = performance.now()
  controller.cut()
  await eventually('the second feed', () => controller.queries.length === 2)
  expect(performance.now() - cutAt).toBeGreaterThan(250)
})

test('opened again it tells what there is to tell then, and keeps its table', async () => {
  controller.greeting = [line({ ...snapshot(), digest: DIGEST })]
  start()
  await eventually('the table', () => table.version)
  client.again()
  await eventually('the second feed', () => controller.queries.length === 2)
  expect(controller.queries[1]).toContain(`digest=${DIGEST}`)
  expect(table.services.size).toBe(4)
})

test.each([
  ['a bye without a time', { type: 'bye', afterMs: -1 }],
  ['a resume without ports', { type: 'resume', version: { epoch: 'e1', number: 1 } }],
  [
    'a heartbeat with odd readers',
    { type: 'heartbeat', version: { epoch: 'e', number: 1 }, readers: 'x' },
  ],
  ['a digest that is no text', { ...delta(2), digest: 5 }],
])('%s opens the feed again', async (_, odd) => {
  start()
  await eventually('the table', () => table.version)
  controller.say(line(odd as never))
  await eventually('the second feed', () => controller.queries.length === 2)
})

test.each([
  ['no JSON', 'garbage\n'],
  ['no object', '[]\n'],
  ['an unknown type', line({ ...delta(2), type: 'news' as 'delta' })],
  ['a delta of another epoch', line(delta(2, 'other'))],
  ['a service without ports', line({ ...delta(2), services: { put: [{}], remove: [] } } as never)],
])('a line that is %s changes nothing and opens the feed again', async (_, bad) => {
  start()
  await eventually('the table', () => table.version)
  controller.say(bad)
  await eventually('the second feed', () => controller.queries.length === 2)
  await eventually('its table', () => client.state === 'streaming')
  expect(table.service('alice', 'orders')).not.toBeNull()
  expect(table.version).toEqual({ epoch: 'e1', number: 1 })
})

test('a delta before any snapshot opens the feed again', async () => {
  controller.greeting = [line(delta(2))]
  start()
  await eventually('the second feed', () => controller.queries.length >= 2)
  expect(table.version).toBeNull()
})

test('silence beyond the limit counts as loss, and heartbeats prevent it', async () => {
  await undisturbed(70, async () => {
    client?.stop()
    controller.queries.length = 0
    table = new RoutingTable()
    start({ silenceMs: 150 })
    await eventually('the table', () => table.version)
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      controller.say({ type: 'heartbeat', version: { epoch: 'e1', number: 1 } })
    }
    expect(controller.queries).toHaveLength(1)
    await eventually('the second feed', () => controller.queries.length === 2)
  })
})

test('a controller that comes later is found', async () => {
  const { url } = controller
  await controller.close()
  start()
  await eventually('the failure', () => client.state === 'waiting')
  controller = await fakeController([snapshot()], Number(new URL(url).port))
  await eventually('the table', () => table.version)
})

test('after stop nothing is asked any more', async () => {
  start()
  await eventually('the table', () => table.version)
  client.stop()
  controller.cut()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(controller.queries).toHaveLength(1)
  expect(client.state).toBe('stopped')
})
