import { expect, test } from '@jest/globals'
import { readIperf3 } from '../../../bench/readers/iperf3-output.ts'

test('what was received counts', () => {
  const end = { sum_sent: { bytes: 9, seconds: 2 }, sum_received: { bytes: 7, seconds: 2.1 } }
  expect(readIperf3(JSON.stringify({ end }))).toEqual({ ok: true, bytes: 7, seconds: 2.1 })
})

test.each([
  ['{"error":"unable to connect"}', 'iperf3: unable to connect'],
  ['{"end":{"sum_received":{"bytes":0,"seconds":2}}}', 'iperf3 received nothing'],
  ['{"end":{}}', 'iperf3 received nothing'],
  ['iperf3: the server is busy', 'the server is busy'],
])('%s is no measurement', (text, problem) => {
  expect(readIperf3(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) })
})
