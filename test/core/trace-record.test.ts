/** Secrets never leave the sidecar. */
import { expect, test } from '@jest/globals'
import {
  type HeaderList,
  redactHeaders,
  redactPath,
  SECRET_HEADERS,
} from '../../core/trace-record.ts'

test('values of secret headers are blanked; names, case, order and doubles stay', () => {
  const headers: HeaderList = [
    ['Host', 'web'],
    ['AUTHORIZATION', 'Bearer hunter2'],
    ['set-cookie', 'a=hunter2'],
    ['Set-Cookie', 'b=hunter2'],
    ['X-Request-Id', '7'],
  ]
  expect(redactHeaders(headers)).toEqual([
    ['Host', 'web'],
    ['AUTHORIZATION', '[redacted]'],
    ['set-cookie', '[redacted]'],
    ['Set-Cookie', '[redacted]'],
    ['X-Request-Id', '7'],
  ])
  expect(headers[1]).toEqual(['AUTHORIZATION', 'Bearer hunter2'])
})

test.each([...SECRET_HEADERS])('%s is secret in any case', (name) => {
  expect(redactHeaders([[name.toUpperCase(), 'hunter2']])[0]?.[1]).toBe('[redacted]')
})

test.each([
  ['/a?token=hunter2', '/a?token=[redacted]'],
  ['/a?x=1&access_token=hunter2&y=2', '/a?x=1&access_token=[redacted]&y=2'],
  ['/a?API_KEY=hunter2#f', '/a?API_KEY=[redacted]#f'],
  ['/a?password=hunter2&secret=hunter2', '/a?password=[redacted]&secret=[redacted]'],
  ['/cb?code=hunter2&state=1', '/cb?code=[redacted]&state=1'],
  ['/a?tokens=3&mytoken=4', '/a?tokens=3&mytoken=4'],
  ['/token=1/a', '/token=1/a'],
  ['/', '/'],
])('the path %j is recorded as %j', (path, expected) => {
  expect(redactPath(path)).toBe(expected)
})
