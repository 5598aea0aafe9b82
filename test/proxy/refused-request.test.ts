import { expect, test } from '@jest/globals'
import { recordUnreadable } from '../../proxy/refused-request.ts'

const AT = { ip: '10.0.0.1', port: 80 }

test.each([
  ['GET /a?token=hunter2 HTTP/1.1', 'GET', '/a?token=[redacted]'],
  ['GET\t/a?token=hunter2\tHTTP/1.1', 'GET\t/a?token=[redacted]\tHTTP/1.1', null],
  ['GET/a?x=1&password=hunter2', 'GET/a?x=1&password=[redacted]', null],
  ['get /a HTTP/3', 'get', '/a'],
  ['CONNECT a:1 HTTP/1.1', 'CONNECT', 'a:1'],
  ['GE', 'GE', null],
  // The rest of a body that was longer than its Content-Length.
  ['password=hunter2&x=1', null, null],
  ['{"password":"hunter2"}', null, null],
  ['hunter2', null, null],
  ['hunter two', null, null],
  ['HUNTER hunter2', 'HUNTER', null],
  ['', null, null],
])('of a request that starts with %j no secret is recorded', (start, method, path) => {
  const refused = {
    code: 'bad-request' as const,
    message: 'm',
    start,
    requestBytes: 1,
    responseBytes: 1,
  }
  const identity = { space: 'dev', pod: 'web-1', workload: 'web', spaceChain: ['dev'] }
  const connection = { direction: 'inbound' as const, client: AT, destination: AT }
  const record = recordUnreadable(refused, connection, { identity, now: () => 0 })
  expect([record.method, record.path]).toEqual([method, path])
})
