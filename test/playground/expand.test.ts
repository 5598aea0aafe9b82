import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { expand } from '../../playground/node/expand.ts'

const variables = new Map([
  ['NAME', 'web'],
  ['PORT', '80'],
  ['EMPTY', ''],
])

test.each([
  ['http://$(NAME):$(PORT)', 'http://web:80'],
  ['$(EMPTY)|', '|'],
  ['$(UNKNOWN)', '$(UNKNOWN)'],
  ['$$(NAME)', '$(NAME)'],
  ['$$$(NAME)', '$web'],
  ['$NAME ${ $', '$NAME ${ $'],
  ['$(NAME', '$(NAME'],
])('%j expands to %j', (text, expected) => {
  expect(expand(text, variables)).toBe(expected)
})

test('text without a dollar sign never changes', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll('$', '')
      expect(expand(plain, variables)).toBe(plain)
    }),
  )
})

test('a value is not expanded again', () => {
  expect(
    expand(
      '$(A)',
      new Map([
        ['A', '$(B)'],
        ['B', 'x'],
      ]),
    ),
  ).toBe('$(B)')
})
