import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type FrameEvent, SETTING } from '../../../proxy/http2/frame.ts'
import { FrameReader } from '../../../proxy/http2/frame-reader.ts'
import { BAD, GOOD } from './frame-vectors.ts'
import { CLIENT_PREFACE, data, frame, headers, ping, settings, settingsAck } from './frames.ts'

function readAll(chunks: Buffer[], role: 'server' | 'client' = 'client'): FrameEvent[] {
  const reader = new FrameReader({ role })
  const events: FrameEvent[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let event = reader.next(); event !== null; event = reader.next()) events.push(event)
  }
  return events
}

/** Events with their bytes as text, and the pieces of a DATA frame put together. */
function plain(events: FrameEvent[]): Record<string, unknown>[] {
  const list: Record<string, unknown>[] = []
  let open = null as { text: string; flow: number } | null
  for (const event of events) {
    if (event.kind === 'data') {
      const text: string = (open?.text ?? '') + event.bytes.toString('latin1')
      open = { text, flow: (open?.flow ?? 0) + event.flowBytes }
      if (event.endStream) {
        list.push({ kind: 'data', streamId: event.streamId, ...open })
        open = null
      }
      continue
    }
    list.push(
      Object.fromEntries(
        Object.entries(event).map(([key, value]) => [
          key,
          Buffer.isBuffer(value) ? value.toString('latin1') : value,
        ]),
      ),
    )
  }
  if (open !== null) list.push({ kind: 'open data', ...open })
  return list
}

function problems(events: FrameEvent[]): string[] {
  return events.flatMap((event) =>
    event.kind === 'problem'
      ? [`${event.scope} ${event.streamId} ${event.code} ${event.message}`]
      : [],
  )
}

const FIRST = { kind: 'settings', settings: [] }

test.each(GOOD)('%s is read, whole or split at any byte', (_, bytes, expected) => {
  const whole = Buffer.concat([settings(), bytes])
  expect(plain(readAll([whole]))).toEqual([FIRST, ...expected])
  for (let at = 1; at < whole.length; at++) {
    const halves = [whole.subarray(0, at), whole.subarray(at)]
    expect(plain(readAll(halves))).toEqual([FIRST, ...expected])
  }
  const single = [...whole].map((byte) => Buffer.of(byte))
  expect(plain(readAll(single))).toEqual([FIRST, ...expected])
})

test.each(BAD)('%s is told as a problem', (_, bytes, scope, streamId, code, section) => {
  const whole = Buffer.concat([settings(), bytes, ping('after it')])
  const events = readAll([whole])
  const [problem, ...more] = problems(events)
  expect(more).toEqual([])
  expect(problem).toContain(`${scope} ${streamId} ${code} `)
  expect(problem).toContain(section)
  expect(events.some(({ kind }) => kind === 'ping')).toBe(scope === 'stream')
})

test.each(BAD.filter(([, bytes]) => bytes.length < 200))(
  '%s is the same problem when it comes byte by byte',
  (_, bytes) => {
    const whole = Buffer.concat([settings(), bytes, ping('after it')])
    const single = [...whole].map((byte) => Buffer.of(byte))
    expect(plain(readAll(single))).toEqual(plain(readAll([whole])))
  },
)

test('a client begins with its preface and SETTINGS, a server with SETTINGS', () => {
  const start = Buffer.concat([CLIENT_PREFACE, settings([SETTING.enablePush, 1]), ping()])
  for (let at = 0; at < start.length; at++) {
    const events = readAll([start.subarray(0, at), start.subarray(at)], 'server')
    expect(events.map(({ kind }) => kind)).toEqual(['settings', 'ping'])
  }
  expect(problems(readAll([Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'server'))).toEqual([
    expect.stringContaining('RFC 9113 3.4'),
  ])
  for (const first of [ping(), settingsAck(), frame(99, 0, 0), headers(1, Buffer.alloc(1))]) {
    expect(problems(readAll([first]))).toEqual([expect.stringContaining('RFC 9113 3.4')])
    expect(problems(readAll([CLIENT_PREFACE, first], 'server'))).toEqual([
      expect.stringContaining('RFC 9113 3.4'),
    ])
  }
})

test('DATA is handed on as it comes, as a view of the chunk', () => {
  const reader = new FrameReader({ role: 'client' })
  const whole = Buffer.concat([settings(), data(1, 'x'.repeat(1_000), true)])
  const chunks = [whole.subarray(0, 300), whole.subarray(300, 700), whole.subarray(700)]
  const lengths: number[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let event = reader.next(); event !== null; event = reader.next()) {
      if (event.kind !== 'data') continue
      lengths.push(event.bytes.length)
      expect(event.bytes.buffer).toBe(chunk.buffer)
      expect(event.flowBytes).toBe(event.bytes.length)
      expect(event.endStream).toBe(lengths.length === 3)
    }
  }
  expect(lengths).toEqual([300 - 18, 400, 318])
})

/** Frames that are right, wrong, or random altogether. */
const anyFrame = fc
  .record({
    type: fc.nat(12),
    flags: fc.nat(255),
    streamId: fc.nat(5),
    payload: fc.uint8Array({ maxLength: 40 }),
    lie: fc.option(fc.nat(60), { freq: 20 }),
  })
  .map(({ type, flags, streamId, payload, lie }) =>
    frame(type, flags, streamId, Buffer.from(payload), lie ?? payload.length),
  )
const stream = fc.oneof(
  { weight: 5, arbitrary: fc.array(anyFrame, { maxLength: 12 }).map(Buffer.concat) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map(Buffer.from) },
)

test('any bytes are read without a throw, the same however they are cut', () => {
  const cuts = fc.array(fc.nat(400), { maxLength: 8 })
  fc.assert(
    fc.property(stream, cuts, (bytes, at) => {
      const whole = Buffer.concat([settings(), bytes])
      const edges = [0, ...at.filter((cut) => cut < whole.length).sort((a, b) => a - b)]
      const parts = edges.map((from, i) => whole.subarray(from, edges[i + 1] ?? whole.length))
      expect(flat(readAll(parts))).toEqual(flat(readAll([whole])))
    }),
    { numRuns: 3_000 },
  )
})

/** Neighbouring pieces of one stream's DATA as one, since a cut makes two of one. */
function flat(events: FrameEvent[]): unknown[] {
  const list: unknown[] = []
  let last = null as { data: number; hex: string; ended: boolean } | null
  for (const event of events) {
    if (event.kind !== 'data') {
      last = null
      list.push(...plain([event]))
      continue
    }
    const hex = event.bytes.toString('hex')
    if (last?.data === event.streamId && !last.ended) {
      last.hex += hex
      last.ended = event.endStream
      continue
    }
    last = { data: event.streamId, hex, ended: event.endStream }
    list.push(last)
  }
  return list
}
