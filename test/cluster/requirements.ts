/** Whether this machine can run the cluster tier, and how a tier that cannot run says so. */
import { existsSync } from 'node:fs'
import { describe, test } from '@jest/globals'
import { exec } from '../../core/exec.ts'
import { clusterSupport } from '../../playground/cluster-support.ts'
import { foreignOptions } from './target.ts'

const problem = await clusterSupport({
  platform: process.platform,
  uid: process.getuid?.() ?? -1,
  path: process.env['PATH'] ?? '',
  exec,
})

/**
 * Like `describe`, for scenarios that any cluster can show: they run in the playground, and with `npm run e2e` on the
 * cluster that it is given.
 */
export function describeScenario(name: string, tests: () => void): void {
  if (foreignOptions(process.env)) describe(name, tests)
  else describeCluster(name, tests)
}

/** Whether this part is installed; the playground has all. What is left out without it `npm run e2e` tells. */
export function isInstalled(part: 'gateway' | 'api'): boolean {
  return !foreignOptions(process.env)?.lacks.includes(part)
}

/** `test`, for what cannot be without these parts. */
export function testWith(
  ...parts: Parameters<typeof isInstalled>[0][]
): typeof test | typeof test.skip {
  return parts.every(isInstalled) ? test : test.skip
}

/**
 * Like `describe`, for tests that need the playground. Where it cannot run they fail under CI, and elsewhere
 * the reason is printed and they count as skipped: they never look like a pass.
 *
 * @param others programs that the pods of these tests run, and the Debian package that brings each
 */
export function describeCluster(
  name: string,
  tests: () => void,
  others: Readonly<Record<string, string>> = {},
): void {
  const lacking = Object.entries(others)
    .filter(([program]) => !existsSync(`/usr/bin/${program}`))
    .map(([program, debianPackage]) => `${program} is missing: apt-get install ${debianPackage}`)
  const problems = [...(problem === null ? [] : [problem]), ...lacking]
  if (problems.length === 0) {
    describe(name, tests)
    return
  }
  const message = `THE CLUSTER TIER CANNOT RUN: ${problems.join('; ')}`
  if (process.env['CI'] === 'true') {
    test(`${name}: this machine can run the cluster tier`, () => {
      throw new Error(message)
    })
    return
  }
  console.warn(message)
  describe.skip(name, tests)
}
