/** Whether this machine can run the browser tier, and how a tier that cannot run says so. */
import { describe, test } from '@jest/globals'
import { chromiumPath } from './chromium.ts'

/**
 * Like `describe`, for tests of this tier. Where the tier cannot run it fails under CI, and
 * elsewhere prints why and counts as skipped: it never looks like a pass.
 */
export function describeBrowser(name: string, tests: () => void): void {
  if (chromiumPath()) {
    describe(name, tests)
    return
  }
  const message =
    'THE BROWSER TIER CANNOT RUN: there is no Chromium: apt-get install chromium, or set CHROMIUM_PATH'
  if (process.env['CI'] === 'true') {
    test(`${name}: this machine can run the browser tier`, () => {
      throw new Error(message)
    })
    return
  }
  console.warn(message)
  describe.skip(name, tests)
}
