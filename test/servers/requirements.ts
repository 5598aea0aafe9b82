/** Whether this machine has the servers, and how the tier says so if it has not. */
import { existsSync } from 'node:fs'
import { describe, test } from '@jest/globals'
import { DAEMON_PATH } from './origin.ts'

/** Programs, and the Debian package that brings each. */
const PROGRAMS = { nginx: 'nginx-light', haproxy: 'haproxy', apache2: 'apache2-bin' } as const

/**
 * Like `describe`. Where a server is missing the tier fails under CI, and elsewhere prints why and counts
 * as skipped: it never looks like a pass.
 */
export function describeServers(name: string, tests: () => void): void {
  const missing = Object.entries(PROGRAMS).flatMap(([program, debianPackage]) =>
    isInstalled(program) ? [] : [`${program} is missing: apt-get install ${debianPackage}`],
  )
  if (missing.length === 0) {
    describe(name, tests)
    return
  }
  const message = `THE SERVERS TIER CANNOT RUN: ${missing.join('; ')}`
  if (process.env['CI'] === 'true') {
    test(`${name}: this machine can run the servers tier`, () => {
      throw new Error(message)
    })
    return
  }
  console.warn(message)
  describe.skip(name, tests)
}

function isInstalled(program: string): boolean {
  return DAEMON_PATH.split(':').some((folder) => existsSync(`${folder}/${program}`))
}
