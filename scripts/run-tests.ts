/** Runs every test tier, cheapest first, and ends with `N passed, N failed`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const CACHE = join(ROOT, '.cache')
const TIERS = ['unit', 'servers', 'kernel', 'cluster', 'browser'] as const

interface Outcome {
  tier: string
  passed: number
  failed: number
  skipped: number
  seconds: number
}

interface JestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  /** Suites that broke before a test of theirs could run. */
  numRuntimeErrorTestSuites: number
}

function runTier(tier: string): Outcome {
  const report = join(CACHE, `jest-${tier}.json`)
  rmSync(report, { force: true })
  const started = performance.now()
  console.log(`\n=== ${tier} tests`)
  const args = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']
  // Only unit tests may run side by side: the others share the kernel, ports and a Chromium.
  const width = tier === 'unit' ? [] : ['--runInBand']
  args.push('--selectProjects', tier, ...width, '--json', '--outputFile', report)
  const { status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return { tier, ...countsOf(report, status), seconds: (performance.now() - started) / 1000 }
}

/** A tier without a report, without a test, or with an exit code that its counts don't explain has failed. */
function countsOf(file: string, status: number | null): Omit<Outcome, 'tier' | 'seconds'> {
  let report: JestReport
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const passed = report.numPassedTests
  const skipped = report.numPendingTests + report.numTodoTests
  let failed = report.numFailedTests + report.numRuntimeErrorTestSuites
  if (failed === 0 && (status !== 0 || passed + skipped === 0)) failed = 1
  return { passed, failed, skipped }
}

function print(outcomes: Outcome[]): void {
  console.log('\ntier      passed  failed  skipped  seconds')
  for (const { tier, passed, failed, skipped, seconds } of outcomes) {
    const cells = [passed, failed, skipped, seconds.toFixed(0)]
    const widths = [7, 8, 9, 9]
    console.log(
      tier.padEnd(9) +
        cells.map((cell, index) => String(cell).padStart(widths[index] ?? 0)).join(''),
    )
  }
}

mkdirSync(CACHE, { recursive: true })
const only = process.argv.slice(2)
const outcomes = TIERS.filter((tier) => only.length === 0 || only.includes(tier)).map(runTier)
print(outcomes)
const sum = (key: 'passed' | 'failed' | 'skipped') =>
  outcomes.reduce((total, outcome) => total + outcome[key], 0)
// A test that did not run proves nothing: on a build machine it counts as failed.
const failed = sum('failed') + (process.env['CI'] ? sum('skipped') : 0)
console.log(`\n${sum('passed')} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
