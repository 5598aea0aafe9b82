import { expect, jest, test } from '@jest/globals'
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

test('one that throws costs the others no more than a turn', () => {
  jest.useFakeTimers()
  try {
    const { turn, done, make, all } = streams(['b'])
    const [b] = all as [TurnStream]
    const bad = make('bad', () => {
      throw new Error('a fault of its listener')
    })
    turn.received(bad)
    turn.received(b)
    turn.unsent(b)
    expect(() => jest.advanceTimersByTime(1)).toThrow('a fault of its listener')
    jest.advanceTimersByTime(1)
    expect(done).toEqual(['tell bad', 'tell b', 'send b'])
    turn.received(b)
    jest.advanceTimersByTime(1)
    expect(done.slice(3)).toEqual(['tell b'])
  } finally {
    jest.useRealTimers()
  }
})

test('one that throws when it is to send is not asked again, and nobody is asked twice', () => {
  jest.useFakeTimers()
  try {
    const { turn, done, all } = streams(['a', 'b', 'c'])
    const [a, b, c] = all as [TurnStream, TurnStream, TurnStream]
    const bad: TurnStream = {
      deliver: () => {},
      flush: () => {
        throw new Error('a fault in sending')
      },
    }
    for (const stream of [a, bad, b]) turn.unsent(stream)
    expect(() => jest.advanceTimersByTime(1)).toThrow('a fault in sending')
    jest.advanceTimersByTime(1)
    expect(done).toEqual(['send a', 'send b'])
    turn.received(c)
    turn.unsent(c)
    jest.advanceTimersByTime(5)
    expect(done.slice(2)).toEqual(['tell c', 'send c'])
  } finally {
    jest.useRealTimers()
  }
})
