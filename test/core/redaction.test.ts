/** Secrets never leave the sidecar. */
import { expect, test } from '@jest/globals'
import { redactHeaders, redactPath } from '../../core/redaction.ts'
import type { HeaderList } from '../../core/trace-record.ts'

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

test.each([
  'authorization',
  'proxy-authorization',
  'x-forwarded-authorization',
  'cookie',
  'set-cookie',
  'set-cookie2',
  'x-api-key',
  'apikey',
  'x-auth',
  'x-auth-token',
  'x-access-token',
  'x-vault-token',
  'private-token',
  'x-forwarded-access-token',
  'x-goog-iap-jwt-assertion',
  'ocp-apim-subscription-key',
  'x-functions-key',
  'x-session-id',
  'x-csrf-token',
  'x-amz-security-token',
])('%s is secret in any case', (name) => {
  expect(redactHeaders([[name, 'hunter2']])[0]?.[1]).toBe('[redacted]')
  expect(redactHeaders([[name.toUpperCase(), 'hunter2']])[0]?.[1]).toBe('[redacted]')
})

test.each([
  'host',
  'accept',
  'www-authenticate',
  'sec-websocket-key',
  'idempotency-key',
  'x-request-id',
  'traceparent',
  'azds-route-as',
  'sessions',
  'authority',
])('%s is not secret', (name) => {
  expect(redactHeaders([[name, 'plain']])[0]?.[1]).toBe('plain')
})

test.each([
  ['https://app.test/cb?code=hunter2&state=1', 'https://app.test/cb?code=[redacted]&state=1'],
  ['/login#access_token', '/login#access_token'],
  ['https://app.test/#access_token=a/hunter2&x=1', 'https://app.test/#access_token=[redacted]&x=1'],
  ['/cb?x=1#state=1&id_token=a/hunter2', '/cb?x=1#state=1&id_token=[redacted]'],
  ['http://bob:hunter2@host/a', 'http://[redacted]@host/a'],
  ['<https://a.test?token=hunter2> rel=next', '<https://a.test?token=[redacted] rel=next'],
  ['bob@example.test', 'bob@example.test'],
  ['text/html;q=0.9', 'text/html;q=0.9'],
])('an address in a header, %j, is recorded as %j', (value, expected) => {
  expect(redactHeaders([['Location', value]])[0]?.[1]).toBe(expected)
})

test.each([
  ['/a?token=hunter2', '/a?token=[redacted]'],
  ['/a?x=1&access_token=hunter2&y=2', '/a?x=1&access_token=[redacted]&y=2'],
  ['/a?API_KEY=hunter2#f', '/a?API_KEY=[redacted]#f'],
  ['/a?password=hunter2&secret=hunter2', '/a?password=[redacted]&secret=[redacted]'],
  ['/cb?code=hunter2&state=1', '/cb?code=[redacted]&state=1'],
  ['/a?country_code=de&key=7', '/a?country_code=de&key=7'],
  ['/a?client_secret=hunter2', '/a?client_secret=[redacted]'],
  ['/a?refreshToken=hunter2&sig=hunter2', '/a?refreshToken=[redacted]&sig=[redacted]'],
  ['/b?X-Amz-Signature=hunter2&X-Amz-Date=1', '/b?X-Amz-Signature=[redacted]&X-Amz-Date=1'],
  ['/a?%74oken=hunter2', '/a?%74oken=[redacted]'],
  ['/a?x=1;token=hunter2;3', '/a?x=1;token=[redacted]'],
  ['/a?next=/b?token=hunter2', '/a?next=/b?token=[redacted]'],
  ['/a?sessionid=hunter2', '/a?sessionid=[redacted]'],
  ['/a;jsessionid=hunter2/b?x=1', '/a;jsessionid=[redacted]/b?x=1'],
  ['http://bob:hunter2@host/?token=hunter2', 'http://[redacted]@host/?token=[redacted]'],
  ['bob:hunter2@host:443', '[redacted]@host:443'],
  ['/a?tokens=3&mytoken=4', '/a?tokens=3&mytoken=4'],
  ['/token=1/a', '/token=1/a'],
  ['/@bob', '/@bob'],
  ['/', '/'],
])('the path %j is recorded as %j', (path, expected) => {
  expect(redactPath(path)).toBe(expected)
})

test.each([
  '?'.repeat(65_536),
  '?a'.repeat(32_768),
  '://'.repeat(21_845),
  `/?${'&token='.repeat(9_362)}`,
  `/?${'%'.repeat(65_000)}=`,
])('no path is costly, however it is made', (path) => {
  // Of the processor: quadratic it would be many seconds, and a machine that stands still costs none.
  const begin = process.cpuUsage()
  for (let round = 0; round < 5; round++) redactPath(path)
  expect(process.cpuUsage(begin).user).toBeLessThan(1_500_000)
})
