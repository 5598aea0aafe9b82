import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { coresFor, inTheGaps } from '../../bench/cores.ts'

test.each([
  [1, '0', '0'],
  [2, '0', '1'],
  [8, '0', '1-7'],
])('on %d cores the proxy has %s and the load %s', (cores, proxy, load) => {
  expect(coresFor('proxy', cores)).toBe(proxy)
  expect(coresFor('load', cores)).toBe(load)
})

test('what runs in the gaps has no claim to the processor', () => {
  const [file = '', ...argv] = inTheGaps(['sh', '-c', 'chrt -p $$'])
  const { stdout } = spawnSync(file, argv, { encoding: 'utf8' })
  expect(stdout).toMatch(/SCHED_IDLE/)
})
