import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from '@jest/globals'
import { hasIpv6Address } from '../../proxy-init/interfaces.ts'

const at = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo

test.each([
  ['a global address', true, { eth0: [at('10.0.0.1'), at('fd00::1')] }],
  ['a link-local address only', false, { eth0: [at('10.0.0.1'), at('fe80::1')] }],
  ['loopback only', false, { lo: [at('127.0.0.1', true), at('::1', true)] }],
  ['IPv4 only', false, { eth0: [at('10.0.0.1')] }],
  ['no interface', false, {}],
])('a pod with %s has IPv6: %s', (_what, expected, interfaces) => {
  expect(hasIpv6Address(interfaces)).toBe(expected)
})
