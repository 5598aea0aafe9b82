/** Connections whose bytes the kernel passes on: over real sockets, with real pipes. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { constants } from 'node:os'
import { afterEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loadPipeCalls, type PipeCalls } from '../../proxy/pipe-calls.ts'
import { Pipes } from '../../proxy/pipes.ts'
import { createRawTransport } from '../../proxy/raw-transport.ts'
import { type SpliceEnd, splice } from '../../proxy/splice.ts'
import type { Listening } from '../../proxy/transport.ts'
import { mostUnderWay } from './kernel-buffers.ts'
import { settle } from './memory-stream.ts'
import { listenLocal, rawBindings } from './transports.ts'

const MIB = 1_048_576
const calls = loadPipeCalls()
const { EINVAL, EMFILE, ENOMEM } = constants.errno

const descriptors = () => readdirSync('/proc/self/fd').length

async function eventually(what: () => boolean, ms = 15_000): Promise<void> {
  for (let i = 0; i < ms / 10 && !what(); i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

interface Relayed {
  client: net.Socket
  server: net.Socket
  ends: SpliceEnd[]
  pipes: Pipes
  problems: string[]
}

const open: (net.Socket | net.Server | Listening | Pipes)[] = []

afterEach(async () => {
  for (const each of open.splice(0)) {
    if (each instanceof net.Socket) each.destroy()
    else each.close()
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
})

/** A client and a server that are joined by a splice, whose bytes the kernel is to pass. */
async function relayed({ afterBytes = 1, odd = {} as Partial<PipeCalls> } = {}): Promise<Relayed> {
  const problems: string[] = []
  const pipes = new Pipes(() => ({ ...calls, ...odd }), {
    afterBytes,
    prove: async () => null,
    onUseless: (problem) => problems.push(problem),
  })
  await pipes.prove()
  const transport = createRawTransport(rawBindings, { pipes })
  const origin = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  const { port } = origin.address() as net.AddressInfo
  const ends: SpliceEnd[] = []
  const listening = await listenLocal(transport, ({ stream }) => {
    splice(stream, transport.dial({ ip: '127.0.0.1', port }), undefined, (end) => ends.push(end))
  })
  const arrived = once(origin, 'connection') as Promise<[net.Socket]>
  const to = { port: listening.address.port, host: '127.0.0.1', allowHalfOpen: true }
  const client = net.connect(to)
  const [server] = await arrived
  for (const socket of [client, server]) socket.on('error', () => {})
  open.push(client, server, origin, listening, pipes)
  return { client, server, ends, pipes, problems }
}

/** So long that no two pages of what repeats it are alike for 4 GiB. */
const PIECE = Buffer.alloc(MIB + 7)
for (let i = 0, state = 1; i + 4 <= PIECE.length; i += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  PIECE.writeInt32LE(state, i)
}

/** Bytes that are others for each seed. */
function pattern(length: number, seed: number): Buffer {
  return Buffer.alloc(length, PIECE.subarray(seed % 100_000))
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** All that comes until the FIN; with a pause after each of the first chunks where it is to be slow. */
async function received(socket: net.Socket, pauses = 0): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = pauses
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    if (left-- <= 0) return
    socket.pause()
    setTimeout(() => socket.resume(), 5)
  })
  socket.resume()
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

describe.each([
  ['both keep up', 0, 0],
  ['the client is slow', 60, 0],
  ['both are slow', 60, 60],
])('where %s', (_, ofClient, ofServer) => {
  test('12 MiB go both ways at once as they left, and are counted to the byte', async () => {
    const { client, server, ends, pipes } = await relayed()
    const up = pattern(12 * MIB + 13, 1)
    const down = pattern(12 * MIB + 7, 2)
    client.end(up)
    server.end(down)
    const [got, gotUp] = await Promise.all([received(client, ofClient), received(server, ofServer)])
    expect(digest(got)).toBe(digest(down))
    expect(digest(gotUp)).toBe(digest(up))
    await eventually(() => ends.length > 0)
    expect(ends).toEqual([{ fromA: up.length, fromB: down.length, error: null, side: null }])
    // All but the first reads, and what was taken out of a pipe because the receiver was full.
    expect(pipes.passed).toBeGreaterThan((up.length + down.length) / 2)
  }, 30_000)
})

test('a FIN goes on alone behind all that was passed; the other way goes on for as long as it likes', async () => {
  const { client, server, ends, pipes } = await relayed()
  const up = pattern(5 * MIB, 3)
  client.end(up)
  expect(digest(await received(server))).toBe(digest(up))
  const before = pipes.passed
  expect(before).toBeGreaterThan(0)
  expect(ends).toEqual([])
  const down = pattern(5 * MIB, 4)
  server.write(down.subarray(0, 100))
  await once(client, 'data')
  server.end(down.subarray(100))
  expect((await received(client)).length).toBe(down.length - 100)
  expect(pipes.passed).toBeGreaterThan(before)
  await eventually(() => ends.length > 0)
  expect(ends).toMatchObject([{ error: null, fromA: up.length, fromB: down.length }])
})

test('small pieces arrive at once, each by itself, and are read as usual again', async () => {
  const { client, server, pipes } = await relayed({ afterBytes: 64 * 1024 })
  const first = pattern(MIB, 5)
  client.write(first)
  server.resume()
  await eventually(() => server.bytesRead === first.length)
  expect(pipes.passed).toBeGreaterThan(0)
  for (let i = 0; i < 40; i++) {
    const before = server.bytesRead
    client.write(`piece ${i}`)
    await eventually(() => server.bytesRead > before)
    expect(server.bytesRead - before).toBe(`piece ${i}`.length)
  }
  const passed = pipes.passed
  client.write('one more')
  await eventually(() => server.bytesRead === first.length + 318)
  expect(server.bytesRead).toBe(first.length + 318)
  expect(pipes.passed).toBe(passed)
})

describe.each(['client', 'server'] as const)('the %s', (who) => {
  const letter = who === 'client' ? 'a' : 'b'

  test('resets after much data: the other gets all of it, then RST, and it is told who', async () => {
    const pair = await relayed()
    const other = who === 'client' ? pair.server : pair.client
    const error = once(other, 'error').catch((cause) => [cause])
    const bytes = pattern(3 * MIB, 6)
    other.resume()
    pair[who].write(bytes)
    await eventually(() => other.bytesRead === bytes.length)
    pair[who].resetAndDestroy()
    expect(await error).toMatchObject([{ code: 'ECONNRESET' }])
    await eventually(() => pair.ends.length > 0)
    expect(pair.ends).toMatchObject([{ side: letter, error: { code: 'ECONNRESET' } }])
    expect(pair.ends[0]?.[who === 'client' ? 'fromA' : 'fromB']).toBe(bytes.length)
  })

  test('stops reading: the other is stopped, and when it goes on nothing is missing', async () => {
    const pair = await relayed()
    const other = who === 'client' ? pair.server : pair.client
    const bytes = pattern(mostUnderWay(2) + 8 * MIB, 7)
    pair[who].pause()
    other.end(bytes)
    await eventually(() => pair.pipes.passed > 0)
    let held = -1
    // Until nothing moves any more: in one look it would be so, too, if the machine had stood still.
    for (let same = 0; same < 5; same++) {
      if (pair.pipes.passed !== held) same = 0
      held = pair.pipes.passed
      await new Promise((resolve) => setTimeout(resolve, 50))
      await settle()
    }
    // All of it is one write.
    expect(other.writableLength).toBe(bytes.length)
    expect(held).toBeLessThan(bytes.length)
    expect(digest(await received(pair[who]))).toBe(digest(bytes))
  }, 30_000)

  test.each(['reset', 'leave'] as const)(
    'stops reading, and then to %s leaves no descriptor and no pipe',
    async (way) => {
      const before = descriptors()
      const pair = await relayed()
      const other = who === 'client' ? pair.server : pair.client
      const error = once(other, 'error').catch((cause) => [cause])
      pair[who].pause()
      other.resume()
      other.write(pattern(20 * MIB, 8))
      await eventually(() => pair.pipes.passed > 0)
      await new Promise((resolve) => setTimeout(resolve, 200))
      if (way === 'reset') pair[who].resetAndDestroy()
      // With bytes unread the kernel resets.
      else pair[who].destroy()
      await error
      await eventually(() => pair.ends.length > 0)
      expect(pair.ends).toMatchObject([{ side: letter, error: { code: expect.any(String) } }])
      for (const each of open.splice(0)) {
        if (each instanceof net.Socket) each.destroy()
        else each.close()
      }
      await eventually(() => descriptors() <= before)
      expect(descriptors()).toBeLessThanOrEqual(before)
    },
  )
})

describe('all arrives as it left, copied,', () => {
  let count = 0
  const failingFrom = (times: number, call: PipeCalls['splice'], errno: number) => {
    count = 0
    const odd: PipeCalls['splice'] = (...asked) => (++count > times ? -errno : call(...asked))
    return odd
  }
  const cases: [string, () => Partial<PipeCalls>, string[]][] = [
    ['where no descriptor is left for a pipe', () => ({ open: () => -EMFILE }), []],
    ['where this user has had enough pipes', () => ({ resize: () => 8_192 }), []],
    ['where splice is forbidden', () => ({ splice: () => -EINVAL }), ['splice EINVAL']],
    [
      'where it ends with bytes in a pipe',
      () => ({ splice: failingFrom(9, calls.splice, EINVAL) }),
      ['splice EINVAL'],
    ],
    [
      'where it ends before a pipe is filled',
      () => ({ splice: failingFrom(10, calls.splice, EINVAL) }),
      ['splice EINVAL'],
    ],
    ['where memory is short', () => ({ splice: failingFrom(15, calls.splice, ENOMEM) }), []],
  ]
  test.each(cases)('%s', async (_, odd, expected) => {
    const before = descriptors()
    const { client, server, ends, problems } = await relayed({ odd: odd() })
    const up = pattern(8 * MIB, 9)
    client.end(up)
    server.end('down')
    client.resume()
    expect(digest(await received(server, 20))).toBe(digest(up))
    await eventually(() => ends.length > 0)
    expect(ends).toMatchObject([{ fromA: up.length, fromB: 4, error: null }])
    expect(problems).toEqual(expected)
    for (const each of open.splice(0)) {
      if (each instanceof net.Socket) each.destroy()
      else each.close()
    }
    await eventually(() => descriptors() <= before)
    expect(descriptors()).toBeLessThanOrEqual(before)
  })
})

test('12 receivers that stop share 8 pipes, and none of them is held up by the others', async () => {
  const all = await relayedTogether(12)
  const bytes = pattern(12 * MIB, 10)
  for (const { server } of all.pairs) server.write(bytes)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(all.pipesOpen()).toBeLessThanOrEqual(8)
  const got = all.pairs.map(async ({ client, server }) => {
    server.end()
    return digest(await received(client))
  })
  expect(new Set(await Promise.all(got))).toEqual(new Set([digest(bytes)]))
}, 30_000)

async function relayedTogether(count: number) {
  let pipesOpen = 0
  const odd = {
    open: () => {
      pipesOpen++
      return calls.open()
    },
  }
  const pipes = new Pipes(() => ({ ...calls, ...odd }), { afterBytes: 1, prove: async () => null })
  await pipes.prove()
  const transport = createRawTransport(rawBindings, { pipes })
  const origin = net.createServer({ pauseOnConnect: true })
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  const { port } = origin.address() as net.AddressInfo
  const listening = await listenLocal(transport, ({ stream }) => {
    splice(stream, transport.dial({ ip: '127.0.0.1', port }), undefined, () => {})
  })
  open.push(origin, listening, pipes)
  const pairs = []
  for (let i = 0; i < count; i++) {
    const arrived = once(origin, 'connection') as Promise<[net.Socket]>
    const client = net.connect(listening.address.port, '127.0.0.1')
    const [server] = await arrived
    for (const socket of [client, server]) socket.on('error', () => {})
    open.push(client, server)
    pairs.push({ client, server })
  }
  return { pairs, pipesOpen: () => pipesOpen }
}

test('whatever is sent in whatever pieces, with whatever pauses, arrives as it left', async () => {
  const piece = fc.record({
    bytes: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 700_000 })),
    pauseMs: fc.oneof({ weight: 6, arbitrary: fc.constant(-1) }, fc.integer({ min: 0, max: 3 })),
  })
  const way = fc.record({
    pieces: fc.array(piece, { minLength: 1, maxLength: 12 }),
    pauses: fc.nat({ max: 8 }),
    seed: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(way, way, async (up, down) => {
      const { client, server, ends } = await relayed()
      const send = async (socket: net.Socket, { pieces, seed }: typeof up) => {
        const sent = pieces.map(({ bytes }, i) => pattern(bytes, seed + i))
        for (const [i, chunk] of sent.entries()) {
          socket.write(chunk)
          const ms = pieces[i]?.pauseMs ?? -1
          if (ms >= 0) await new Promise((resolve) => setTimeout(resolve, ms))
        }
        socket.end()
        return Buffer.concat(sent)
      }
      const [sentUp, sentDown, gotUp, gotDown] = await Promise.all([
        send(client, up),
        send(server, down),
        received(server, up.pauses),
        received(client, down.pauses),
      ])
      expect(digest(gotUp)).toBe(digest(sentUp))
      expect(digest(gotDown)).toBe(digest(sentDown))
      await eventually(() => ends.length > 0)
      expect(ends).toEqual([
        { fromA: sentUp.length, fromB: sentDown.length, error: null, side: null },
      ])
    }),
    { numRuns: 25 },
  )
}, 60_000)
