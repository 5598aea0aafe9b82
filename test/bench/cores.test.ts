import { expect, test } from '@jest/globals'
import { coresFor } from '../../bench/cores.ts'

test.each([
  [1, '0', '0'],
  [2, '0', '1'],
  [8, '0', '1-7'],
])('on %d cores the proxy has %s and the load %s', (cores, proxy, load) => {
  expect(coresFor('proxy', cores)).toBe(proxy)
  expect(coresFor('load', cores)).toBe(load)
})
