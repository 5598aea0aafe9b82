import { expect, test } from '@jest/globals'
import { roomForBodies } from '../../webhook/body-room.ts'

test('who holds most of the memory loses a body where another address needs it', async () => {
  const roomFor = roomForBodies(100)
  const first = roomFor('10.0.0.1')
  const second = roomFor('10.0.0.1')
  expect(first.share.grow(60) && second.share.grow(40)).toBe(true)
  const other = roomFor('10.0.0.2')
  expect(other.share.grow(10)).toBe(true)
  await first.lost
  expect(second.share.grow(1)).toBe(true)
})
