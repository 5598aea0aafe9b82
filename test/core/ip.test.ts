import { isIP } from 'node:net'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ipFamily } from '../../core/ip.ts'

test.each([
  ...['1.2.3.4', '255.255.255.255', '0.0.0.0', '256.1.1.1', '01.2.3.4', '1.2.3', '1.2.3.4.5', ''],
  ...['::', '::1', '1::', 'fd00:88::1', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7'],
  ...['::ffff:1.2.3.4', '::1.2.3.4', '1:2:3:4:5:6:1.2.3.4', '1.2.3.4::', '::1.2.3', '::01.2.3.4'],
  ...['1::2::3', '12345::', ':1', ':::', '1:', 'FE80::A', '[::1]', '::1]/[', '0x7f.1', 'localhost'],
  ...['::ffff:1.2.3.256', '::1.2.3.4:5', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6:7::8'],
])('%j is what node:net takes it for', (text) => {
  expect(ipFamily(text)).toBe(isIP(text))
})

test('it says what node:net says of whatever looks like an address', () => {
  const pieces = fc.constantFrom(
    ':',
    '::',
    '.',
    '0',
    '1',
    '25',
    '255',
    '256',
    'ff',
    '1.2.3.4',
    'ffff',
  )
  const likely = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(likely, (text) => {
      expect(ipFamily(text)).toBe(isIP(text))
    }),
    { numRuns: 5000 },
  )
})
