import { expect, test } from '@jest/globals'
import { hotFunctions } from '../../bench/profile.ts'

const node = (id: number, functionName: string, url = '', lineNumber = -1) => ({
  id,
  callFrame: { functionName, url, lineNumber },
})

test('functions are ranked by their own time, wherever they were called from; idle time is left out', () => {
  const profile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'parse', 'file:///app/proxy.mjs', 41),
      node(3, 'parse', 'file:///app/proxy.mjs', 41),
      node(4, '', 'file:///app/proxy.mjs', 9),
      node(5, 'writeBuffer'),
    ],
    samples: [1, 2, 3, 4, 5, 5],
    timeDeltas: [1000, 100, 200, 100, 300, 300],
  }
  expect(hotFunctions(profile)).toEqual([
    { share: 0.6, name: 'writeBuffer', where: '' },
    { share: 0.3, name: 'parse', where: 'proxy.mjs:42' },
    { share: 0.1, name: '(anonymous)', where: 'proxy.mjs:10' },
  ])
})

test('a profile of nothing has no functions', () => {
  expect(hotFunctions({ nodes: [], samples: [], timeDeltas: [] })).toEqual([])
})
