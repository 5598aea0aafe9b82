import { closeSync, readSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { loadPipeCalls, type PipeCalls } from '../../proxy/pipe-calls.ts'
import { type Pipe, Pipes } from '../../proxy/pipes.ts'
import { probeRelay } from '../../proxy/relay-probe.ts'
import { rawBindings } from './transports.ts'

const calls = loadPipeCalls()
const proven = async () => null

test('eight pipes are given out, each to one, and an empty one again', () => {
  const pipes = new Pipes(() => calls, { prove: proven })
  const taken: Pipe[] = []
  for (let pipe = pipes.take(); pipe !== null; pipe = pipes.take()) taken.push(pipe)
  expect(taken).toHaveLength(8)
  expect(new Set(taken.flatMap(({ reader, writer }) => [reader, writer])).size).toBe(16)
  const [first, second] = taken as [Pipe, Pipe]
  pipes.give(first)
  expect(pipes.take()).toBe(first)
  pipes.discard(second)
  expect(() => closeSync(second.reader)).toThrow('EBADF')
  const another = pipes.take() as Pipe
  expect(another).not.toBe(second)
  for (const pipe of [...taken.filter((each) => each !== second), another]) pipes.give(pipe)
  pipes.close()
  expect(() => closeSync(first.reader)).toThrow('EBADF')
})

test('a pipe has 1 MiB of room, a quarter where that is not allowed, and less is none', () => {
  const most = (allowed: number) => {
    const resize = (pipe: number, bytes: number) =>
      bytes > allowed ? -1 : calls.resize(pipe, bytes)
    const pipes = new Pipes(() => ({ ...calls, resize }), { prove: proven })
    const pipe = pipes.take()
    if (pipe !== null) pipes.discard(pipe)
    return pipe?.bytes ?? null
  }
  expect([1_048_576, 524_288, 65_536].map(most)).toEqual([1_048_576, 262_144, null])
})

test('what works is found out when it is first asked for', async () => {
  let tried = 0
  const prove = async () => {
    tried++
    return null
  }
  const pipes = new Pipes(() => calls, { prove })
  expect(tried).toBe(0)
  expect([pipes.work, pipes.work]).toEqual([false, false])
  await new Promise((resolve) => setImmediate(resolve))
  expect(pipes.work).toBe(true)
  expect(tried).toBe(1)
})

test.each([
  ['the trial fails', () => calls, async () => 'another Node', 'another Node'],
  [
    'koffi is missing',
    () => {
      throw new Error('no koffi')
    },
    proven,
    'no koffi',
  ],
])('where %s nothing is passed, and the reason told once', async (_, load, prove, problem) => {
  const problems: string[] = []
  const pipes = new Pipes(load, { prove, onUseless: (text) => problems.push(text) })
  await pipes.prove()
  expect(pipes.work).toBe(false)
  pipes.giveUp('again')
  expect(problems).toEqual([problem])
})

test('the trial says that all is well here', async () => {
  expect(await probeRelay(rawBindings, loadPipeCalls)).toBe(null)
})

/** What comes out of a pipe for the third time goes nowhere. */
function losing(): Partial<PipeCalls> {
  const readers = new Set<number>()
  let times = 0
  return {
    open: () => {
      const ends = calls.open()
      if (typeof ends !== 'number') readers.add(ends[0])
      return ends
    },
    splice: (from, to, most) => {
      if (!readers.has(from) || ++times !== 3) return calls.splice(from, to, most)
      return readSync(from, Buffer.alloc(most))
    },
  }
}

test.each<[string, Partial<PipeCalls>, string]>([
  ['splice is forbidden', { splice: () => -1 }, 'no byte went through a pipe'],
  ['there is no pipe', { open: () => -24 }, 'no byte went through a pipe'],
  ['bytes are lost', losing(), 'no answer over loopback in 2000 ms'],
])('the trial notices if %s', async (_, odd, problem) => {
  const found = await probeRelay(rawBindings, () => ({ ...calls, ...odd }))
  expect(found).toBe(problem)
})
