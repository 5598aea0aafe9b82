import { expect, test } from '@jest/globals'
import { Turn, type TurnStream } from '../../proxy/raw-turn.ts'
import { settle } from './memory-stream.ts'

/** Streams that note what they are asked to do, and do more of it once. */
function streams(names: readonly string[]) {
  const turn = new Turn()
  const done: string[] = []
  const make = (name: string, then: () => void = () => {}): TurnStream => ({
    deliver: () => {
      done.push(`tell ${name}`)
      then()
    },
    flush: () => {
      done.push(`send ${name}`)
    },
  })
  return { turn, done, make, all: names.map((name) => make(name)) }
}

test('all are told, in the order in which something came, before anything is sent', async () => {
  const { turn, done, all } = streams(['a', 'b'])
  const [a, b] = all as [TurnStream, TurnStream]
  turn.unsent(b)
  turn.received(b)
  turn.received(a)
  turn.unsent(a)
  expect(done).toEqual([])
  await settle(1)
  expect(done).toEqual(['tell b', 'tell a', 'send b', 'send a'])
  await settle(1)
  expect(done).toHaveLength(4)
})

test('what is added meanwhile has the same turn, and the next turn begins anew', async () => {
  const { turn, done, make } = streams([])
  const b = make('b')
  const a = make('a', () => {
    turn.received(b)
    turn.unsent(b)
  })
  turn.received(a)
  await settle(1)
  expect(done).toEqual(['tell a', 'tell b', 'send b'])
  turn.received(b)
  await settle(1)
  expect(done.slice(3)).toEqual(['tell b'])
})
