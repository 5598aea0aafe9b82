/** The page's address says what it shows. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Address, formatAddress, parseAddress } from '../../viewer/address.ts'
import { spanIdOf, traceIdOf } from '../core/sample-records.ts'

test('a trace, its open hop and the filter are in the address', () => {
  expect(
    formatAddress({
      filter: { space: 'alice', q: 'a b&c' },
      traceId: traceIdOf(7),
      hop: spanIdOf(2),
    }),
  ).toBe(`#/trace/${traceIdOf(7)}?hop=${spanIdOf(2)}&space=alice&q=a+b%26c`)
})

test('what is written can be read', () => {
  const text = fc.option(fc.string({ minLength: 1 }), { nil: undefined })
  const anyAddress = fc
    .record({ space: text, status: text, q: text, hop: text, isOpen: fc.boolean() })
    .map(({ space, status, q, hop, isOpen }): Address => {
      const set = Object.entries({ space, status, q }).filter(([, value]) => value !== undefined)
      const traceId = isOpen ? traceIdOf(7) : null
      return { filter: Object.fromEntries(set), traceId, hop: (isOpen && hop) || null }
    })
  fc.assert(
    fc.property(anyAddress, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(address)
    }),
  )
})

test.each(['', '#', '#/', '#/trace/zz', '#/trace/', '#nonsense?x=y'])(
  'the address "%s" is the plain list',
  (hash) => {
    expect(parseAddress(hash)).toEqual({ filter: {}, traceId: null, hop: null })
  },
)
