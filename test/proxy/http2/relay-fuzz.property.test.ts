/**
 * Random frames of a client and of servers, right and wrong, in any order: the relay never fails,
 * says nothing to either side that breaks the protocol, ends each exchange once, and leaves nothing.
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SETTING } from '../../../proxy/http2/frame.ts'
import { settle } from '../memory-stream.ts'
import { data, frame, goaway, ping, priority, rstStream, settings, windowUpdate } from './frames.ts'
import { get, type Http2Peer, type Pairs, post } from './peer.ts'
import { type Harness, startRelay } from './relay-harness.ts'

/** One end of a connection, and the streams that it may speak on. */
interface Side {
  peer: Http2Peer
  /** Streams that have begun and that this end has not ended. */
  streams: number[]
  /** The last stream that has begun. */
  last: number
}

/** What one side does; on a connection that is gone it has no effect. */
type Act = (side: Side, pick: number) => void

/** One of the streams that are open, if any is; now and then any other. */
function pickStream({ streams }: Side, pick: number): number | null {
  if (pick % 64 === 63) return pick % 24
  return streams[pick % streams.length] ?? null
}

function forget(side: Side, id: number): void {
  side.streams = side.streams.filter((each) => each !== id)
}

const onStream =
  (make: (streamId: number) => Buffer, isEnd = false): Act =>
  (side, pick) => {
    const id = pickStream(side, pick)
    if (id === null) return
    side.peer.send(make(id))
    if (isEnd) forget(side, id)
  }

const size = fc.constantFrom(0, 1, 10, 1_000, 16_384)
const tableBytes = fc.constantFrom(0, 64, 4_096)
const window = fc.constantFrom(0, 1, 1_000, 65_535, 200_000)
const increment = fc.constantFrom(1, 1_000, 65_535, 1_000_000)

const body: fc.Arbitrary<Act> = fc
  .tuple(size, fc.boolean())
  .map(([length, end]) => onStream((id) => data(id, Buffer.alloc(length), end), end))

/** What either side may send at any time. */
const common: fc.Arbitrary<Act> = fc.oneof(
  fc.nat(14).map((code) => onStream((id) => rstStream(id, code), true)),
  increment.map((more) => onStream((id) => windowUpdate(id, more))),
  increment.map(
    (more): Act =>
      ({ peer }) =>
        peer.send(windowUpdate(0, more)),
  ),
  fc.tuple(tableBytes, window, fc.constantFrom(16_384, 20_000)).map(
    ([table, initial, max]): Act =>
      ({ peer }) =>
        peer.send(
          settings(
            [SETTING.headerTableSize, table],
            [SETTING.initialWindowSize, initial],
            [SETTING.maxFrameSize, max],
          ),
        ),
  ),
  fc.nat(30).map((parent) => onStream((id) => priority(id, parent))),
  fc.constant<Act>(({ peer }) => peer.send(ping())),
)

/** What breaks a rule, or the connection. */
const wrong: fc.Arbitrary<Act> = fc.oneof(
  fc
    .tuple(fc.nat(12), fc.nat(255), fc.uint8Array({ maxLength: 30 }))
    .map(([type, flags, payload]) =>
      onStream((id) => frame(type, flags, id, Buffer.from(payload))),
    ),
  fc.uint8Array({ maxLength: 20 }).map(
    (junk): Act =>
      ({ peer }) =>
        peer.send(Buffer.from(junk)),
  ),
  fc.constant<Act>(({ peer }) => peer.send(goaway(0, 0))),
  fc.constant<Act>(({ peer }) => peer.send(goaway(1, 2))),
  fc.constant<Act>(({ peer }) => peer.stream.end()),
  fc.constant<Act>(({ peer }) => peer.stream.reset()),
)

const LONG = ['x-long', 'v'.repeat(20_000)] as const

const request: fc.Arbitrary<Act> = fc
  .tuple(
    fc.constantFrom<Pairs>(
      get('/'),
      get('/long', LONG),
      get('/bad', ['X-Bad', '1']),
      ...[post('/'), post('/a'), post('/b'), post('/sized', ['content-length', '10'])],
    ),
    fc.boolean(),
  )
  .map(
    ([pairs, end]): Act =>
      (side) => {
        const id = (side.streams.at(-1) ?? -1) + 2
        side.streams.push(id)
        side.peer.head(id, pairs, end)
      },
  )

const more = (pairs: fc.Arbitrary<Pairs>): fc.Arbitrary<Act> =>
  fc.tuple(pairs, fc.boolean()).map(
    ([list, end]): Act =>
      (side, pick) => {
        const id = pickStream(side, pick)
        if (id === null) return
        side.peer.head(id, list, end)
        if (end) forget(side, id)
      },
  )

const trailers = more(fc.constantFrom<Pairs>([['x-trailer', '1']], [[':path', '/']], [LONG]))
const answer = more(
  fc.constantFrom<Pairs>(
    ...[1, 2, 3].map((): Pairs => [[':status', '200']]),
    [
      [':status', '200'],
      ['content-length', '10'],
    ],
    [[':status', '103']],
    [[':status', '204']],
    [[':status', '101']],
    [['x-trailer', '1']],
    [[':status', '200'], LONG],
    [
      [':status', '200'],
      ['Connection', 'close'],
    ],
  ),
)

const byClient = fc.oneof(
  { weight: 24, arbitrary: request },
  { weight: 16, arbitrary: body },
  { weight: 4, arbitrary: trailers },
  { weight: 12, arbitrary: common },
  { weight: 1, arbitrary: wrong },
)
const byServer = fc.oneof(
  { weight: 24, arbitrary: answer },
  { weight: 24, arbitrary: body },
  { weight: 12, arbitrary: common },
  { weight: 1, arbitrary: wrong },
)
const step = fc.record({
  isClient: fc.boolean(),
  byClient,
  byServer,
  pick: fc.nat(1_000),
  turns: fc.constantFrom(0, 1, 2),
})

/** Notes the streams that have newly come to a server. */
function hearStreams(side: Side): Side {
  for (const line of side.peer.log) {
    const id = line.startsWith('headers') ? Number(line.split(' ')[1]) : 0
    if (id <= side.last) continue
    side.last = id
    side.streams.push(id)
  }
  return side
}

/** What a side has been told that no peer may say. */
function faultsOf({ client, servers, faults }: Harness): unknown[] {
  const told = [client, ...servers].flatMap(({ log }) =>
    log.filter((line) => line.startsWith('problem')),
  )
  return [...faults, ...told]
}

test('whatever both sides send, the relay keeps the protocol and ends what has begun', async () => {
  const seen = { exchanges: 0, answered: 0, whole: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
      fc.constantFrom('fin', 'reset'),
      async (steps, end) => {
        const harness = startRelay()
        const client: Side = { peer: harness.client, streams: [], last: -1 }
        const servers: Side[] = []
        for (const { isClient, turns, pick, ...acts } of steps) {
          for (const peer of harness.servers.slice(servers.length)) {
            servers.push({ peer, streams: [], last: 0 })
          }
          const server = isClient ? undefined : servers.at(-1)
          if (server === undefined) acts.byClient(client, pick)
          else acts.byServer(hearStreams(server), pick)
          await settle(turns)
        }
        await settle(5)
        if (end === 'fin') harness.client.stream.end()
        else harness.client.stream.reset()
        await harness.relay.closed
        await settle(5)
        expect(faultsOf(harness)).toEqual([])
        for (const { request: head, status, ends } of harness.recorded) {
          expect([head.target, ends.length]).toEqual([head.target, 1])
          seen.exchanges++
          if (status !== null) seen.answered++
          if (ends[0]?.error === null) seen.whole++
        }
        for (const server of harness.servers) expect(isLeft(server)).toBe(true)
      },
    ),
    { numRuns: 400 },
  )
  // The frames must not be so wild that nothing ever happens.
  expect(seen.exchanges).toBeGreaterThan(1_000)
  expect(seen.answered).toBeGreaterThan(300)
  expect(seen.whole).toBeGreaterThan(30)
}, 60_000)

/** By FIN, or by the end of the connection. */
function isLeft({ log, closed }: Http2Peer): boolean {
  return closed !== null || log.includes('fin')
}
