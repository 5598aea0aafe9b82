import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Batch, nameOfCode, Outbox } from '../../../proxy/http2/outbox.ts'
import { MemoryStream } from '../memory-stream.ts'
import { data, frame, goaway, rstStream, settings, settingsAck, windowUpdate } from './frames.ts'

/** Takes what is written, and says at which writes that it is full. */
class FullAt extends MemoryStream {
  readonly writes: Buffer[] = []
  readonly #full: ReadonlySet<number>

  constructor(full: readonly number[]) {
    super({ ip: '10.0.0.1', port: 1 })
    this.#full = new Set(full)
  }

  override write(bytes: Buffer): boolean {
    this.writes.push(Buffer.from(bytes))
    return !this.#full.has(this.writes.length - 1)
  }
}

const step = fc.oneof(
  fc.nat(70_000).map((length) => ({ kind: 'data' as const, length })),
  fc.constantFrom(
    'rst' as const,
    'window' as const,
    'ack' as const,
    'flush' as const,
    'drain' as const,
  ),
)

test.each([true, false])(
  'frames leave in order and whole, whenever the transport is full (copies: %s)',
  (copies) => {
    fc.assert(
      fc.property(fc.array(step), fc.array(fc.nat(20)), (steps, full) => {
        const stream = new FullAt(full)
        const batch = new Batch()
        const outbox = new Outbox(stream, batch, copies)
        const expected: Buffer[] = []
        const send = (bytes: Buffer) => expected.push(bytes)
        for (const one of steps) {
          if (one === 'flush') batch.flush()
          else if (one === 'drain') outbox.unblock()
          else if (one === 'rst') {
            outbox.rstStream(5, 8)
            send(rstStream(5, 8))
          } else if (one === 'window') {
            outbox.windowUpdate(0, 77)
            send(windowUpdate(0, 77))
          } else if (one === 'ack') {
            outbox.settingsAck()
            send(settingsAck())
          } else {
            const payload = Buffer.alloc(one.length, expected.length)
            outbox.frame(0, 0, 1, payload)
            send(data(1, payload))
            // What is copied may be written over as soon as the call is back.
            if (copies) payload.fill(0xee)
          }
        }
        let ended = 0
        outbox.finish(() => ended++)
        while (ended === 0) outbox.unblock()
        expect(ended).toBe(1)
        expect(Buffer.concat(stream.writes).equals(Buffer.concat(expected))).toBe(true)
      }),
    )
  },
)

test('what is made between two flushes leaves in one write', () => {
  const stream = new FullAt([])
  const batch = new Batch()
  const outbox = new Outbox(stream, batch, false)
  outbox.settings([[3, 100]])
  outbox.goaway(7, 2, 'why')
  outbox.copiedFrame(6, 1, 0, Buffer.from('pingpong'))
  outbox.frame(0, 1, 1, Buffer.alloc(10_000))
  expect(stream.writes).toEqual([])
  batch.flush()
  expect(stream.writes).toHaveLength(1)
  const expected = [
    settings([3, 100]),
    goaway(7, 2, 'why'),
    frame(6, 1, 0, Buffer.from('pingpong')),
  ]
  expect(stream.writes[0]?.subarray(0, -10_009)).toEqual(Buffer.concat(expected))
})

test.each([
  [0, 'NO_ERROR (0)'],
  [8, 'CANCEL (8)'],
  [11, 'ENHANCE_YOUR_CALM (11)'],
  [13, 'HTTP_1_1_REQUIRED (13)'],
  [4711, 'error 4711'],
])('the code %i is called %s', (code, name) => {
  expect(nameOfCode(code)).toBe(name)
})
