/** Whether this machine can run the cluster tier, and how a tier that cannot run says so. */
import { describe, test } from '@jest/globals'
import { exec } from '../../core/exec.ts'
import { clusterSupport } from '../../playground/cluster-support.ts'

const problem = await clusterSupport({
  platform: process.platform,
  uid: process.getuid?.() ?? -1,
  path: process.env['PATH'] ?? '',
  exec,
})

/**
 * Like `describe`, for tests that need the playground. Where it cannot run they fail under CI, and elsewhere
 * the reason is printed and they count as skipped: they never look like a pass.
 */
export function describeCluster(name: string, tests: () => void): void {
  if (problem === null) {
    describe(name, tests)
    return
  }
  const message = `THE CLUSTER TIER CANNOT RUN: ${problem}`
  if (process.env['CI'] === 'true') {
    test(`${name}: this machine can run the cluster tier`, () => {
      throw new Error(message)
    })
    return
  }
  console.warn(message)
  describe.skip(name, tests)
}
