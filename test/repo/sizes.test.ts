/** Files stay small: one subject each. */
import { expect, test } from '@jest/globals'
import { filesIn, isSource, readText } from './repository.ts'

/** A file that does not fit has more than one subject. */
const MOST_LINES = 400
/** What the whole is aimed at; printed, not enforced, because a median moves with every file. */
const GOAL_MEDIAN = 80

const linesOf = (path: string) => readText(path).split('\n').length - 1

test(`no source file has more than ${MOST_LINES} lines`, () => {
  const long = filesIn()
    .filter(isSource)
    .map((path) => ({ path, lines: linesOf(path) }))
    .filter(({ lines }) => lines > MOST_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines: split it by subject`)
  expect(long).toEqual([])
})

test('the median is printed beside its goal', () => {
  const sizes = filesIn()
    .filter((path) => isSource(path) && !path.startsWith('test/'))
    .map(linesOf)
    .sort((a, b) => a - b)
  const median = sizes[Math.floor(sizes.length / 2)] ?? 0
  console.info(`${sizes.length} source files, median ${median} lines (goal ${GOAL_MEDIAN})`)
  expect(sizes.length).toBeGreaterThan(50)
  // Twice the goal would mean that files as a rule have more than one subject.
  expect(median).toBeLessThanOrEqual(2 * GOAL_MEDIAN)
})
