import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  growthOf,
  judgedSamples,
  leftOver,
  type Sample,
  SERIES,
  slopeOf,
} from '../../../bench/soak/judge.ts'
import { readSoakOptions } from '../../../bench/soak/options.ts'
import { headLine, sampleLine } from '../../../bench/soak/table.ts'

const REST: Omit<Sample, 'minute'> = {
  residentMb: 120,
  heapMb: 15,
  externalMb: 10,
  files: 480,
  established: 450,
  closeWait: 3,
  finWait: 4,
  closing: 0,
  answerMs: 20,
}

/** A run of ten minutes, a sample every ten seconds. */
function run(change: (minute: number, index: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 60 }, (_, index) => {
    const minute = (index + 1) / 6
    return { ...REST, minute, ...change(minute, index) }
  })
}

describe('the slope', () => {
  test('of a line is the line’s, whatever lies far out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 50 }),
        fc.array(fc.nat(29), { maxLength: 4 }),
        (slope, outliers) => {
          const points = Array.from({ length: 30 }, (_, x): [number, number] => [x, slope * x + 7])
          for (const index of outliers) points[index] = [index, 1e6]
          expect(slopeOf(points)).toBeCloseTo(slope, 5)
        },
      ),
    )
  })

  test('of less than two points is none', () => {
    expect(slopeOf([])).toBeNaN()
    expect(slopeOf([[1, 1]])).toBeNaN()
  })
})

describe('a soak', () => {
  test('passes while everything only goes up and down', () => {
    const sawTooth = run((_, index) => ({
      residentMb: 110 + (index % 7) * 5,
      heapMb: 10 + (index % 5) * 3,
    }))
    expect(growthOf('server', sawTooth)).toEqual([])
  })

  test('passes when the growth is over with the warm-up', () => {
    const warm = run((minute) => ({ residentMb: 60 + Math.min(minute, 2) * 40 }))
    expect(growthOf('server', warm)).toEqual([])
  })

  test.each(
    SERIES.map(({ name, title, noise, perMinute }) => [title, name, noise, perMinute] as const),
  )('fails and names %s if that alone grows', (title, name, noise, perMinute) => {
    const slope = perMinute + noise / 5
    const [problem, ...others] = growthOf(
      'server',
      run((minute) => ({ [name]: minute * slope })),
    )
    expect(others).toEqual([])
    expect(problem).toContain(`server: ${title} grows by ${slope.toFixed(2)} a minute`)
  })

  test('fails for a leak of one kilobyte a connection at 200 connections a second', () => {
    const leak = run((minute, index) => ({ residentMb: 100 + (index % 5) * 4 + minute * 12 }))
    expect(growthOf('server', leak)).toHaveLength(1)
  })

  test('that was too short to be judged does not pass', () => {
    expect(growthOf('server', run().slice(0, 5))[0]).toContain('only 4 samples')
    expect(growthOf('server', [])[0]).toContain('only 0 samples')
  })

  test('leaves out the first quarter', () => {
    expect(judgedSamples(run())[0]?.minute).toBe(2.5)
  })

  test('fails for connections and files that are left over, and allows the one for trace records', () => {
    const before = { ...REST, minute: 0, established: 1, closeWait: 0, finWait: 0, files: 25 }
    expect(leftOver('server', before, { ...before, established: 2, files: 27 })).toEqual([])
    expect(leftOver('server', before, { ...before, finWait: 2 })).toEqual([
      'server: 3 connections are left, 1 were there before (1 established, 0 CLOSE_WAIT, 2 FIN_WAIT, 0 other)',
    ])
    expect(leftOver('server', before, { ...before, files: 29 })).toHaveLength(1)
  })
})

describe('the command line', () => {
  test.each([
    [[], { minutes: 10, bundle: 'dist/proxy.mjs', only: [] }],
    [
      ['--minutes', '2.5', '--bundle', 'dist/old.mjs', '--only', 'new,tcp'],
      { minutes: 2.5, bundle: 'dist/old.mjs', only: ['new', 'tcp'] },
    ],
  ])('%j is understood', (argv, options) => {
    expect(readSoakOptions(argv)).toEqual({ ok: true, options })
  })

  test.each([
    [['--minutes', '0'], 'expected a number from 1 to 240'],
    [['--minutes', 'long'], 'expected a number from 1 to 240'],
    [['--hours', '2'], 'Usage: npm run soak'],
  ])('%j is refused, with what is possible', (argv, text) => {
    expect(readSoakOptions(argv)).toMatchObject({
      ok: false,
      help: false,
      text: expect.stringContaining(text),
    })
  })
})

test('the table has one column for each series', () => {
  const line = sampleLine('server', { ...REST, minute: 1.25 })
  expect(line).toHaveLength(headLine().length)
  expect(line.trim().split(/\s+/)).toEqual([
    '1.3',
    'server',
    '120',
    '15',
    '10',
    '480',
    '450',
    '3',
    '4',
    '0',
    '20',
  ])
})
