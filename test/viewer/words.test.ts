/** Sentences about a hop, also about words that this page does not know yet. */
import { expect, test } from '@jest/globals'
import type { TraceRoute } from '../../core/trace-record.ts'
import { contextSentence, errorAdvice, reasonSentence, triedWords } from '../../viewer/words.ts'
import { sampleRecord } from '../core/sample-records.ts'

const route = (change: object): TraceRoute => ({ ...sampleRecord().route, ...change })

test('a reason is told as a sentence', () => {
  expect(reasonSentence(route({ reason: 'child' }))).toBe(
    'The request belongs to this child space, and its own version is ready.',
  )
})

test('the source of the context is told', () => {
  expect(contextSentence(route({ context: 'alice', contextSource: 'cookie' }))).toBe(
    'It belongs to space alice, because the cookie azds-route-as says so.',
  )
  expect(contextSentence(route({ context: null }))).toMatch(/belongs to no space/)
})

test('what a newer sidecar says is shown by its code', () => {
  expect(reasonSentence(route({ reason: 'new-reason' }))).toBe('Reason new-reason.')
  expect(contextSentence(route({ context: 'a', contextSource: 'moon' }))).toContain('moon')
  expect(triedWords({ space: 'a', outcome: 'odd' } as never)).toBe('odd')
  expect(errorAdvice({ code: 'odd' as never, message: '' })).toBeNull()
})

test('an error comes with its next step', () => {
  expect(errorAdvice({ code: 'connect-refused', message: '' })?.next).toMatch(/app listens/)
})
