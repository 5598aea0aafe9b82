import { expect, test } from '@jest/globals'
import { inject } from '../../../webhook/inject/inject.ts'
import { factsOf } from '../cluster-fixture.ts'

const LIMIT = 262_144
const facts = await factsOf('alice')
const injectWith = (annotations: Record<string, string>) =>
  inject({ metadata: { name: 'web', annotations }, spec: { containers: [{ name: 'web' }] } }, facts)

/** Bytes that the injection needs for itself. */
function ownBytes(): number {
  const answer = injectWith({})
  if (answer.kind !== 'injected') throw new Error(answer.kind)
  const all = Object.entries(answer.pod.metadata.annotations ?? {}).flat()
  return all.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}

test('a pod whose annotations leave no room for ours is refused, by how much is too much', () => {
  // The key is one byte, each é two.
  const room = LIMIT - ownBytes() - 1
  const text = (bytes: number) => 'é'.repeat(Math.floor(bytes / 2)) + 'e'.repeat(bytes % 2)
  expect(injectWith({ a: text(room) }).kind).toBe('injected')
  expect(injectWith({ a: text(room + 7) })).toEqual({
    kind: 'invalid',
    errors: [
      {
        field: 'metadata.annotations',
        message: expect.stringMatching(/ shorten them by 7 bytes$/),
      },
    ],
  })
})

test('annotations that were too long before are for the API server to refuse', () => {
  expect(injectWith({ a: 'x'.repeat(LIMIT) }).kind).toBe('injected')
})
