import { expect, test } from '@jest/globals'
import type { BodyPipe } from '../../../proxy/http2/body-pipe.ts'
import { ERROR_CODE, SETTING } from '../../../proxy/http2/frame.ts'
import { Batch } from '../../../proxy/http2/outbox.ts'
import type { WindowMove } from '../../../proxy/http2/window-move.ts'
import { Wire, type WireOwner } from '../../../proxy/http2/wire.ts'
import { memoryPair, settle } from '../memory-stream.ts'
import { settings, windowUpdate } from './frames.ts'
import { get, Http2Peer, post } from './peer.ts'
import { startRelay } from './relay-harness.ts'

/** A connection whose peer has opened it, and how windows of its streams are moved. */
async function startWire() {
  const [near, far] = memoryPair()
  const moves: WindowMove[] = []
  const owner: WireOwner = {
    lastStreamId: 0,
    onHeaders: () => {},
    onBody: () => {},
    onReset: () => {},
    onStreamWindow: () => {},
    onInitialWindow: (move) => moves.push(move),
    onSettings: () => {},
    onGoaway: () => {},
    onPong: () => {},
    onStreamProblem: () => {},
    onBroken: () => {},
    onFin: () => {},
    onWritable: () => {},
    onGone: () => {},
  }
  const wire = new Wire(far, 'server', owner, { batch: new Batch(), now: () => 0 })
  far.listen(wire)
  const peer = new Http2Peer(near, 'client').open()
  await settle()
  return { wire, peer, moves }
}

const { initialWindowSize, maxFrameSize } = SETTING

test('a frame of SETTINGS moves windows once, however often it names them', async () => {
  const { wire, peer, moves } = await startWire()
  peer.send(settings([initialWindowSize, 9], [maxFrameSize, 20_000], [initialWindowSize, 7]))
  peer.send(settings([maxFrameSize, 30_000]))
  peer.send(settings(...Array.from({ length: 64 }, (_, i) => [initialWindowSize, i] as const)))
  await settle()
  expect(moves).toEqual([
    { size: 7, change: 7 - 65_535, highest: 9 - 65_535 },
    { size: 63, change: 56, highest: 56 },
  ])
  expect([wire.peerInitialWindow, wire.peerMaxFrame]).toEqual([63, 30_000])
})

test.each([
  { side: 'a client', of: 'client' as const },
  { side: 'a server', of: 'server' as const },
])(
  'a window of $side that is too large only in the middle of a frame breaks the rule',
  async ({ of }) => {
    const { client, servers } = startRelay()
    client.head(1, of === 'client' ? get() : post(), of === 'client')
    await settle()
    const peer = of === 'client' ? client : (servers[0] as Http2Peer)
    peer.send(windowUpdate(1, 1_000_000))
    peer.send(settings([initialWindowSize, 2 ** 31 - 1], [initialWindowSize, 1]))
    await settle()
    const [goaway = ''] = peer.of('goaway')
    expect(goaway).toContain(` ${ERROR_CODE.flowControlError} `)
  },
)

test('a peer that gives byte by byte what many wait for has one of them asked each time', async () => {
  const { wire, peer } = await startWire()
  wire.sendData(1, Buffer.alloc(wire.room), false)
  const asked: number[] = []
  for (let i = 0; i < 1_000; i++) {
    const pipe = {
      pump: () => {
        asked.push(i)
        if (wire.room > 0) wire.sendData(1, Buffer.alloc(wire.room), false)
        // There is more of it.
        wire.wait(pipe as unknown as BodyPipe)
      },
    }
    wire.wait(pipe as unknown as BodyPipe)
  }
  peer.send(...new Array<Buffer>(1_500).fill(windowUpdate(0, 1)))
  await settle()
  expect(asked).toEqual(Array.from({ length: 1_500 }, (_, i) => i % 1_000))
})
