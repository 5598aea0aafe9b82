import { expect, test } from '@jest/globals'
import { readH2load, readPacedLog } from '../../../bench/readers/h2load-output.ts'

const output = ({ finished = '2.00s', failed = 0, ok = 3000, bad = 0 }) => `starting benchmark...
Application protocol: h2c

finished in ${finished}, 1500.00 req/s, 172.22KB/s
requests: 3000 total, 3000 started, 3000 done, ${ok} succeeded, ${failed} failed, 0 errored, 0 timeout
status codes: ${ok} 2xx, 0 3xx, ${bad} 4xx, 0 5xx
traffic: 515.63KB (528000) total, 319.34KB (327000) headers (space savings 0.00%), 82.03KB (84000) data
`

test.each([
  ['2.00s', 2],
  ['987.50ms', 0.9875],
  ['500us', 0.0005],
])('a run that took %s gives its requests and seconds', (finished, seconds) => {
  const read = readH2load(output({ finished }))
  expect(read).toEqual({ ok: true, requests: 3000, seconds: expect.closeTo(seconds) })
})

test.each([
  [output({ failed: 2, ok: 2998 }), '2 failed'],
  [output({ bad: 3000, ok: 0 }), '3000 4xx'],
  [output({ ok: 0 }), 'no request succeeded'],
  [output({ finished: 'never' }), 'h2load said'],
  ['unable to connect', 'unable to connect'],
])('a run that went wrong is no measurement (%#)', (text, problem) => {
  expect(readH2load(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) })
})

test('a paced log gives the time of each answer', () => {
  expect(readPacedLog('1\t200\t90\n2\t200\t110\n', 10_000)).toEqual([90, 110])
})

test('an answer that takes longer than the pace counts also for the requests that it held up', () => {
  expect(readPacedLog('1\t200\t25000\n', 10_000)).toEqual([25_000, 15_000, 5000])
})

test.each(['1\t-1\t90\n', '1\t502\t90\n', 'rubbish\n'])(
  'a log with %j is no measurement',
  (log) => {
    expect(readPacedLog(log, 10_000)).toBeNull()
  },
)
