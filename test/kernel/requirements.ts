/** Whether this machine can run the kernel tier, and how a tier that cannot run says so. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, jest, test } from '@jest/globals'
import { PROGRAM_PATH } from './namespaces.ts'

/** Programs that the lab and proxy-init call, and the Debian package that brings each. */
const PROGRAMS = {
  ip: 'iproute2',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  'iptables-nft-restore': 'iptables',
  'ip6tables-nft-restore': 'iptables',
  'iptables-legacy-restore': 'iptables',
  'ip6tables-legacy-restore': 'iptables',
} as const

/** A test starts up to ten programs, normally in 2 s; thirty times that for a machine that does more. */
const TEST_TIMEOUT_MS = 60_000

/** Why the kernel tier cannot run here, if it also needs `others` of the same form; empty if it can. */
export function missingRequirements(others: Readonly<Record<string, string>> = {}): string[] {
  if (process.platform !== 'linux') return [`Linux is needed, this is ${process.platform}`]
  if (process.getuid?.() !== 0) return ['root is needed: network namespaces and iptables are made']
  const missing = Object.entries({ ...PROGRAMS, ...others }).flatMap(([program, debianPackage]) =>
    isInstalled(program) ? [] : [`${program} is missing: apt-get install ${debianPackage}`],
  )
  if (!existsSync('/proc/sys/net/ipv6')) missing.push('the kernel has no IPv6')
  if (missing.length > 0) return missing
  return canMakeNamespaces() ? [] : ['the system refuses new network, mount and PID namespaces']
}

/**
 * Like `describe`, for tests of this tier. Where the tier cannot run it fails under CI, and
 * elsewhere prints why and counts as skipped: it never looks like a pass.
 *
 * @param others programs that these tests need besides, and the Debian package that brings each
 */
export function describeKernel(
  name: string,
  tests: () => void,
  others: Readonly<Record<string, string>> = {},
): void {
  const missing = missingRequirements(others)
  if (missing.length === 0) {
    jest.setTimeout(TEST_TIMEOUT_MS)
    describe(name, tests)
    return
  }
  const message = `THE KERNEL TIER CANNOT RUN: ${missing.join('; ')}`
  if (process.env['CI'] === 'true') {
    test(`${name}: this machine can run the kernel tier`, () => {
      throw new Error(message)
    })
    return
  }
  console.warn(message)
  describe.skip(name, tests)
}

function isInstalled(program: string): boolean {
  return PROGRAM_PATH.split(':').some((folder) => existsSync(`${folder}/${program}`))
}

function canMakeNamespaces(): boolean {
  try {
    execFileSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true'], {
      env: { PATH: PROGRAM_PATH },
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
