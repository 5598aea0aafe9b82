import { expect, test } from '@jest/globals'
import { readWrk } from '../../../bench/readers/wrk-output.ts'

/** As load.lua prints it, after wrk's own words. */
const output = (
  errors: Record<string, number> = {},
  requests = 12345,
) => `Running 2s test @ http://10.88.0.10:8080/
  1 threads and 64 connections
  12345 requests in 2.00s, 2.31MB read
${JSON.stringify({
  requests,
  seconds: 2.001,
  bytes: 2422222,
  errors: { connect: 0, read: 0, write: 0, status: 0, timeout: 0, ...errors },
  p50Us: 812.5,
  p99Us: 3000,
})}
`

test('a run without errors gives its figures', () => {
  expect(readWrk(output())).toEqual({
    ok: true,
    result: { requests: 12345, seconds: 2.001, bytes: 2422222, p50Us: 812.5, p99Us: 3000 },
  })
})

test.each([
  [output({ status: 3 }), 'errors among 12345 requests: 3 status'],
  [output({ read: 1, timeout: 2 }), 'errors among 12345 requests: 1 read, 2 timeout'],
  [output({}, 0), 'no request was answered'],
  ['unable to connect to 10.88.0.10:8080 Connection refused', 'Connection refused'],
])('a run that went wrong is no measurement (%#)', (text, problem) => {
  expect(readWrk(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) })
})
