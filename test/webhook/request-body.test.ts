import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type BodyRoom, roomForBodies } from '../../webhook/body-room.ts'
import { type BodyResult, readBody, weightOf } from '../../webhook/request-body.ts'

const plenty = roomForBodies()

/** A request with a body of these chunks, of which the last one is the end unless more may come. */
function posted(chunks: string[], mayContinue = false): IncomingMessage & Readable {
  const request = new Readable({ read() {} })
  for (const chunk of chunks) request.push(Buffer.from(chunk))
  if (!mayContinue) request.push(null)
  const headers = { 'content-type': 'application/json' }
  return Object.assign(request, { headers }) as unknown as IncomingMessage & Readable
}

const read = (text: string, room: BodyRoom = plenty('a')): Promise<BodyResult> =>
  readBody(posted([text]), room)

const emptyObjects = (count: number) => JSON.stringify(Array.from({ length: count }, () => ({})))

test('a body of more values than a pod can have is refused before it is parsed', async () => {
  expect((await read(emptyObjects(100_000))).ok).toBe(true)
  expect(await read(emptyObjects(300_000))).toMatchObject({
    status: 413,
    message: 'the body has more values than a pod can have',
  })
  // Nor does it have to be JSON for that.
  expect(await read('['.repeat(300_000))).toMatchObject({ status: 413 })
})

test('a body has no more values than its weight counts', () => {
  const valuesOf = (value: unknown): number =>
    typeof value !== 'object' || value === null
      ? 1
      : 1 + Object.values(value).reduce<number>((sum, inner) => sum + valuesOf(inner), 0)
  fc.assert(
    fc.property(fc.object({ withNullPrototype: false }), (value) => {
      const bytes = Buffer.from(JSON.stringify(value))
      const counted = (weightOf(bytes) - 2 * bytes.length) / 64
      // A list or object has a bracket, which stands for its first value, and a comma before each other.
      expect(counted).toBeGreaterThanOrEqual(valuesOf(JSON.parse(`${bytes}`)) - 1)
    }),
  )
})

test('who posts too much at once is told to try again, and others are not', async () => {
  const roomFor = roomForBodies(100_000)
  const slow = readBody(posted(['x'.repeat(90_000)], true), roomFor('many'))
  const second = posted(['x'.repeat(20_000)], true)
  expect(await readBody(second, roomFor('many'))).toMatchObject({ ok: false, status: 503 })
  expect(await read(JSON.stringify({ text: 'x'.repeat(10_000) }), roomFor('few'))).toMatchObject({
    ok: true,
  })
  // Its room was needed for that.
  expect(await slow).toMatchObject({ ok: false, status: 503 })
})

test('a body that is small on the wire and large in memory needs the room of what it becomes', async () => {
  const roomFor = roomForBodies(1_000_000)
  expect(await read(emptyObjects(20_000), roomFor('a'))).toMatchObject({ ok: false, status: 503 })
  expect(await read(emptyObjects(5_000), roomFor('a'))).toMatchObject({ ok: true })
})

test('what is given back makes room', async () => {
  const roomFor = roomForBodies(30_000)
  for (let count = 0; count < 10; count += 1) {
    const room = roomFor('a')
    expect(await read(JSON.stringify('x'.repeat(10_000)), room)).toMatchObject({ ok: true })
    room.share.release()
  }
})
