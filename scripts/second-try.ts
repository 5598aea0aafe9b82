/**
 * Which test files run a second time, and what both runs say together. Tests with real servers, kernels and clusters
 * depend on a machine that may stand still at any moment; one such moment in six thousand tests is not to stop a
 * change that has nothing to do with it. What fails twice has failed, and what fails once is named.
 */

/** The part of Jest's JSON report that is read here. */
export interface JestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  /** Suites that broke before a test of theirs could run. */
  numRuntimeErrorTestSuites: number
  testResults: TestFile[]
}

export interface TestFile {
  /** Its path. */
  name: string
  status: 'passed' | 'failed' | string
  /** Why it failed, as Jest prints it; empty if it did not. */
  message: string
  assertionResults: { fullName: string; status: string; failureMessages: string[] }[]
}

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** More than so many files that fail in one tier are no moment of the machine's. */
const MOST_FILES = 3

/**
 * Files to run again, alone; none where a second run proves nothing: a random test that failed has found an input
 * (fast-check's `Property failed after`), and a second run would only try others.
 */
export function filesToTryAgain({ testResults }: JestReport): string[] {
  const failed = testResults.filter(({ status }) => status === 'failed')
  const found = failed.some(({ message }) => message.includes('Property failed after'))
  return found || failed.length > MOST_FILES ? [] : failed.map(({ name }) => name)
}

export function countsOf(report: JestReport): Counts {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/**
 * The second run counts for the files that it has, the first for all others.
 * @returns the counts, and the tests that failed at first and passed then
 */
export function bothRuns(
  first: JestReport,
  second: JestReport,
): { counts: Counts; unsteady: string[] } {
  const again = new Map(second.testResults.map((file) => [file.name, file]))
  const replaced = first.testResults.filter(({ name }) => again.has(name))
  const [all, gone, now] = [countsOf(first), countsOfFiles(replaced), countsOf(second)]
  const counts = {
    passed: all.passed - gone.passed + now.passed,
    failed: all.failed - gone.failed + now.failed,
    skipped: all.skipped - gone.skipped + now.skipped,
  }
  const unsteady = replaced.flatMap((file) => passedThen(file, again.get(file.name) as TestFile))
  return { counts, unsteady }
}

function countsOfFiles(files: readonly TestFile[]): Counts {
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const broken = files.filter(({ status, assertionResults }) => {
    return status === 'failed' && assertionResults.length === 0
  })
  const having = (...statuses: string[]) =>
    tests.filter(({ status }) => statuses.includes(status)).length
  return {
    passed: having('passed'),
    failed: having('failed') + broken.length,
    skipped: having('pending', 'todo'),
  }
}

function passedThen(before: TestFile, after: TestFile): string[] {
  if (before.assertionResults.length === 0) return after.status === 'passed' ? [before.name] : []
  const failed = before.assertionResults.filter(({ status }) => status === 'failed')
  const passed = new Set(
    after.assertionResults
      .filter(({ status }) => status === 'passed')
      .map(({ fullName }) => fullName),
  )
  return failed
    .filter(({ fullName }) => passed.has(fullName))
    .map(({ fullName }) => `${before.name}: ${fullName}`)
}
