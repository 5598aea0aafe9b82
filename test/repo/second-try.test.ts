import { expect, test } from '@jest/globals'
import {
  bothRuns,
  countsOf,
  filesToTryAgain,
  type JestReport,
  type TestFile,
} from '../../scripts/second-try.ts'

/** `{ 'a.test.ts': 'pass fail' }`: a file with two tests, named by their place. `broken` has none. */
function report(files: Record<string, string>, message = 'expected 1'): JestReport {
  const testResults = Object.entries(files).map(([name, tests]) => fileOf(name, tests, message))
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  const having = (wanted: string) => all.filter(({ status }) => status === wanted).length
  return {
    numPassedTests: having('passed'),
    numFailedTests: having('failed'),
    numPendingTests: having('pending'),
    numTodoTests: 0,
    numRuntimeErrorTestSuites: Object.values(files).filter((tests) => tests === 'broken').length,
    testResults,
  }
}

function fileOf(name: string, tests: string, message: string): TestFile {
  const failed = /fail|broken/.test(tests)
  const statuses = { pass: 'passed', fail: 'failed', skip: 'pending' }
  const words = tests === 'broken' ? [] : tests.split(' ')
  return {
    name,
    status: failed ? 'failed' : 'passed',
    message: failed ? message : '',
    assertionResults: words.map((word, index) => ({
      fullName: `test ${index + 1}`,
      status: statuses[word as keyof typeof statuses],
      failureMessages: word === 'fail' ? [message] : [],
    })),
  }
}

test('the files that failed run again, and no others', () => {
  const first = report({ a: 'pass', b: 'pass fail', c: 'broken' })
  expect(filesToTryAgain(first)).toEqual(['b', 'c'])
})

test('where all passed nothing runs again', () => {
  expect(filesToTryAgain(report({ a: 'pass', b: 'pass skip' }))).toEqual([])
})

test('an input that a random test has found is not tried away', () => {
  const message = 'Property failed after 12 tests\n{ seed: 5, path: "1" }'
  expect(filesToTryAgain(report({ a: 'fail' }, message))).toEqual([])
})

test('many files that fail are no accident', () => {
  expect(filesToTryAgain(report({ a: 'fail', b: 'fail', c: 'fail' }))).toHaveLength(3)
  expect(filesToTryAgain(report({ a: 'fail', b: 'fail', c: 'fail', d: 'fail' }))).toEqual([])
})

test('what passes the second time counts as passed and is named', () => {
  const first = report({ a: 'pass pass', b: 'pass fail skip' })
  expect(bothRuns(first, report({ b: 'pass pass skip' }))).toEqual({
    counts: { passed: 4, failed: 0, skipped: 1 },
    unsteady: ['b: test 2'],
  })
})

test('what fails twice has failed', () => {
  const first = report({ a: 'pass', b: 'pass fail' })
  expect(bothRuns(first, report({ b: 'pass fail' }))).toEqual({
    counts: countsOf(first),
    unsteady: [],
  })
})

test('what passed at first and fails the second time has failed', () => {
  const first = report({ a: 'pass', b: 'pass fail' })
  expect(bothRuns(first, report({ b: 'fail pass' }))).toEqual({
    counts: { passed: 2, failed: 1, skipped: 0 },
    unsteady: ['b: test 2'],
  })
})

test('a file that broke before its first test is judged by its second run', () => {
  const first = report({ a: 'pass', b: 'broken' })
  expect(countsOf(first)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  expect(bothRuns(first, report({ b: 'pass pass' }))).toEqual({
    counts: { passed: 3, failed: 0, skipped: 0 },
    unsteady: ['b'],
  })
  expect(bothRuns(first, report({ b: 'broken' })).counts).toEqual(countsOf(first))
})
