/** W3C Trace Context and Baggage; the cases follow the rules of the two standards. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  baggageMember,
  cookieValue,
  formatTraceParent,
  newSpanId,
  newTraceId,
  parseTraceParent,
} from '../../core/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test.each([
  ['sampled', `00-${TRACE}-${SPAN}-01`, '01'],
  ['not sampled', `00-${TRACE}-${SPAN}-00`, '00'],
  ['flags that are not known yet', `00-${TRACE}-${SPAN}-ff`, 'ff'],
  ['optional white space round it', ` \t00-${TRACE}-${SPAN}-01 \t`, '01'],
  ['a later version', `cc-${TRACE}-${SPAN}-01`, '01'],
  ['a later version with more behind a dash', `cc-${TRACE}-${SPAN}-01-what-will-be`, '01'],
])('traceparent is read: %s', (_, value, flags) => {
  expect(parseTraceParent(value)).toEqual({ traceId: TRACE, parentId: SPAN, flags })
})

test.each([
  ['empty', ''],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['version with one digit', `0-${TRACE}-${SPAN}-01`],
  ['version that is not hex', `.0-${TRACE}-${SPAN}-01`],
  ['version 00 with a fifth field', `00-${TRACE}-${SPAN}-01-more`],
  ['version 00 with a trailing dash', `00-${TRACE}-${SPAN}-01-`],
  ['later version with more behind no dash', `cc-${TRACE}-${SPAN}-01.more`],
  ['trace id all zero', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['trace id too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['trace id too long', `00-${TRACE}0-${SPAN}-01`],
  ['trace id in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['trace id not hex', `00-${'.'.repeat(32)}-${SPAN}-01`],
  ['parent id all zero', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['parent id too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
  ['parent id in upper case', `00-${TRACE}-00F067AA0BA902B7-01`],
  ['flags too short', `00-${TRACE}-${SPAN}-1`],
  ['flags too long', `00-${TRACE}-${SPAN}-001`],
  ['flags not hex', `00-${TRACE}-${SPAN}-.0`],
  ['two values', `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
  ['blanks inside', `00 -${TRACE}-${SPAN}-01`],
])('traceparent is refused: %s', (_, value) => {
  expect(parseTraceParent(value)).toBeNull()
})

test('what is written can be read again', () => {
  const hex = (size: number) =>
    fc
      .uint8Array({ minLength: size, maxLength: size })
      .filter((bytes) => bytes.some((byte) => byte !== 0))
      .map((bytes) => Buffer.from(bytes).toString('hex'))
  fc.assert(
    fc.property(hex(16), hex(8), hex(1), (traceId, parentId, flags) => {
      const value = { traceId, parentId, flags }
      expect(parseTraceParent(formatTraceParent(value))).toEqual(value)
    }),
  )
})

test('new ids are well-formed and differ', () => {
  const value = formatTraceParent({ traceId: newTraceId(), parentId: newSpanId(), flags: '01' })
  expect(parseTraceParent(value)).not.toBeNull()
  expect(new Set(Array.from({ length: 100 }, newTraceId)).size).toBe(100)
})

test.each([
  ['only member', 'key=alice', 'alice'],
  ['one of several', 'a=1,key=alice,b=2', 'alice'],
  ['white space', ' a = 1 ,\tkey = alice ; p=1', 'alice'],
  ['properties', 'key=alice;ttl=30;secure', 'alice'],
  ['percent-encoding', 'key=al%69ce', 'alice'],
  ['equals sign in the value', 'key=a=b', 'a=b'],
  ['first of two', 'key=one,key=two', 'one'],
  ['longer name', 'keys=alice', null],
  ['other case', 'Key=alice', null],
  ['no equals sign', 'key', null],
  ['only as a property', 'a=1;key=alice', null],
  ['bad percent-encoding', 'key=%E0%A4', null],
  ['empty', '', null],
])('baggage member: %s', (_, header, expected) => {
  expect(baggageMember(header, 'key')).toBe(expected)
})

test.each([
  ['only cookie', 'key=alice', 'alice'],
  ['one of several', 'a=1; key=alice; b=2', 'alice'],
  ['quoted', 'key="alice"', 'alice'],
  ['percent-encoded', 'key=al%69ce', 'alice'],
  ['longer name', 'mykey=alice', null],
  ['no equals sign', 'key', null],
  ['empty', '', null],
])('cookie value: %s', (_, header, expected) => {
  expect(cookieValue(header, 'key')).toBe(expected)
})
