import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, expect, test } from '@jest/globals'
import {
  cpuSecondsBelow,
  cpuSecondsOf,
  descendantsOf,
  residentBytesBelow,
  residentBytesOf,
} from '../../bench/process-tree.ts'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

test('user and system time are found behind any name', () => {
  const stat = '42 (a) b (c) S 1 42 42 0 -1 4194560 500 0 3 0 150 50 0 0 20 0 1 0 100 2048 12'
  expect(cpuSecondsOf(stat)).toBe(2)
})

test('resident memory is in bytes, and nothing of a process that has none', () => {
  expect(residentBytesOf('Name:\tnode\nVmRSS:\t    2048 kB\nThreads:\t1\n')).toBe(2 * 1024 * 1024)
  expect(residentBytesOf('Name:\tzombie\n')).toBe(0)
})

test('a process that does not exist has used nothing', () => {
  expect(cpuSecondsBelow(2 ** 30)).toBe(0)
  expect(residentBytesBelow(2 ** 30)).toBe(0)
})

test('children and grandchildren count, and the process itself does not', async () => {
  const script = 'sh -c "while :; do :; done & echo $$; wait"; :'
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-c', script], { detached: true })
  children.push({ kill: () => process.kill(-(child.pid as number), 'SIGKILL') } as never)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const deadline = Date.now() + 10_000
  const isBusy = () => cpuSecondsBelow(child.pid as number) >= 0.05
  while (!isBusy() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(descendantsOf(child.pid as number)).toHaveLength(2)
  expect(isBusy()).toBe(true)
  expect(residentBytesBelow(child.pid as number)).toBeGreaterThan(0)
})
