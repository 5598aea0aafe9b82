import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { formatCidr, parseCidr } from '../../proxy-init/cidr.ts'

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3', '10.1.2.3/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['255.255.255.255/31', '255.255.255.254/31'],
  ['FD00::1', 'fd00::1/128'],
  ['fd00:0:0:0:0:0:0:1/64', 'fd00::/64'],
  ['2001:db8::ffff/121', '2001:db8::ff80/121'],
  ['::/0', '::/0'],
  ['::1/128', '::1/128'],
])('%s is %s', (text, canonical) => {
  const cidr = parseCidr(text)
  expect(cidr && formatCidr(cidr)).toBe(canonical)
})

test.each([
  '',
  '/',
  '10.0.0.0/',
  '10.0.0.0/33',
  '::/129',
  '10.0.0/8',
  '1.2.3.4/8/8',
  'fe80::1%1',
  'x',
])('"%s" is no CIDR', (text) => {
  expect(parseCidr(text)).toBeNull()
})

test('the canonical form of an address of any family reads back as itself', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(ip, fc.nat(32), (address, prefix) => {
      const cidr = parseCidr(`${address}/${prefix}`)
      expect(cidr).not.toBeNull()
      if (cidr) expect(parseCidr(formatCidr(cidr))).toEqual(cidr)
    }),
  )
})
