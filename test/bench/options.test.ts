import { expect, test } from '@jest/globals'
import { readOptions } from '../../bench/options.ts'

const ROWS = [
  { name: 'http1-get', profilable: true },
  { name: 'bulk', profilable: true },
  { name: 'memory', profilable: false },
]
const read = (...argv: string[]) => readOptions(argv, ROWS)

test('without options everything is measured, as the document demands', () => {
  expect(read()).toMatchObject({
    ok: true,
    options: { rounds: 5, seconds: 2, only: [], placements: ['redirect', 'loopback'], full: true },
  })
})

test.each([
  [['--quick'], { rounds: 3, seconds: 1 }],
  [['--quick', '--rounds', '4'], { rounds: 4, seconds: 1 }],
  [['--only', 'bulk,memory'], { only: ['bulk', 'memory'] }],
  [['--placement', 'loopback'], { placements: ['loopback'] }],
  [['--rounds', '4'], { rounds: 4 }],
  [['--profile', 'bulk'], { profile: 'bulk' }],
])('%j is no full run', (argv, expected) => {
  expect(read(...argv)).toMatchObject({ ok: true, options: { full: false, ...expected } })
})

test('more rounds and a report for machines make a full run none the less', () => {
  expect(read('--rounds', '7', '--json', 'x.json')).toMatchObject({
    ok: true,
    options: { full: true, rounds: 7, json: 'x.json' },
  })
})

test.each([
  [['--only', 'bulk,nothing'], 'no such row: nothing; there are http1-get, bulk, memory'],
  [['--profile', 'nothing'], 'no such row: nothing'],
  [['--profile', 'memory'], 'memory starts its programs anew in each round'],
  [['--rounds', 'many'], 'whole numbers'],
  [['--seconds', '0'], 'whole numbers'],
  [['--placement', 'moon'], 'no such placement: moon'],
  [['--unknown'], '--unknown'],
])('%j is refused, and the usage is said', (argv, text) => {
  const refused = read(...argv)
  expect(refused).toMatchObject({ ok: false, help: false, text: expect.stringContaining(text) })
  expect(refused).toMatchObject({ text: expect.stringContaining('Usage:') })
})

test('help names the rows', () => {
  expect(read('--help')).toMatchObject({
    ok: false,
    help: true,
    text: expect.stringContaining('Rows: http1-get, bulk, memory'),
  })
})
