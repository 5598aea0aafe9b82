/** What keeps the reader from the list. */
import { expect, test } from '@jest/globals'
import { AnswerError, barrierOf } from '../../viewer/barrier.ts'

test.each([
  [401, 'sign-in'],
  [403, 'choose-space'],
  [404, 'no-data'],
])('an answer of %d is the barrier %s', (status, kind) => {
  expect(barrierOf(new AnswerError(status, 'why'))).toEqual({ kind, message: 'why' })
})

test.each([new AnswerError(500, 'broken'), new AnswerError(503, 'away'), new TypeError('fetch')])(
  '%s passes by itself',
  (error) => {
    expect(barrierOf(error)).toBeNull()
  },
)
