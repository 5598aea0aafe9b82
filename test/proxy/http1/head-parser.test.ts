import { expect, test } from '@jest/globals'
import { requestFraming, responseFraming } from '../../../proxy/http1/framing.ts'
import { ParsedRequestHead, ParsedResponseHead } from '../../../proxy/http1/head.ts'
import { MAX_HEAD_BYTES } from '../../../proxy/http1/head-limit.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { REFUSED_REQUESTS } from './refused-requests.ts'
import { GOOD_REQUESTS } from './request-vectors.ts'
import { GOOD_RESPONSES, REFUSED_RESPONSES } from './response-vectors.ts'

/** Reads a message in two parts, and gives the outcome as plain data. */
function readRequest(text: string, split: number) {
  const reader = new HeadReader('request')
  const result = readParts(reader, text, split)
  if (result !== 'done') return { problem: reader.scanner.problem || result }
  const head = new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
  const framing = requestFraming(head)
  if (framing.kind === 'bad') return { problem: framing.problem }
  const { method, target, version } = head
  return { method, target, version, headers: head.headers(), framing }
}

function readResponse(text: string, split: number, method: string) {
  const reader = new HeadReader('response')
  const result = readParts(reader, text, split)
  if (result !== 'done') return { problem: reader.scanner.problem || result }
  const head = new ParsedResponseHead(reader.buffer, reader.base, reader.scanner)
  const framing = responseFraming(head, method)
  if (framing.kind === 'bad') return { problem: framing.problem }
  return { status: head.status, version: head.version, headers: head.headers(), framing }
}

function readParts(reader: HeadReader, text: string, split: number) {
  const first = reader.read(Buffer.from(text.slice(0, split), 'latin1'), 0)
  if (first !== 'more') return first
  return reader.read(Buffer.from(text.slice(split), 'latin1'), 0)
}

test.each(GOOD_REQUESTS)('reads a request: $name, wherever it is split', ({ text, expected }) => {
  const whole = readRequest(text, 0)
  expect(whole).toMatchObject(expected)
  for (let split = 1; split < text.length; split++) expect(readRequest(text, split)).toEqual(whole)
})

test.each(REFUSED_REQUESTS)('refuses $name, wherever it is split', ({ text, problem }) => {
  for (let split = 0; split < text.length; split++) {
    expect(readRequest(text, split)).toEqual({ problem: expect.stringContaining(problem) })
  }
})

test.each(GOOD_RESPONSES)('reads a response: $name, wherever it is split', (vector) => {
  const { text, method = 'GET', expected } = vector
  const whole = readResponse(text, 0, method)
  expect(whole).toMatchObject(expected)
  for (let split = 1; split < text.length; split++) {
    expect(readResponse(text, split, method)).toEqual(whole)
  }
})

test.each(REFUSED_RESPONSES)('refuses a response with $name, wherever it is split', (vector) => {
  const { text, problem } = vector
  for (let split = 0; split < text.length; split++) {
    expect(readResponse(text, split, 'GET')).toEqual({ problem: expect.stringContaining(problem) })
  }
})

test('every problem that is named points to a section of an RFC', () => {
  for (const { problem, text } of [...REFUSED_REQUESTS]) {
    expect(readRequest(text, 0).problem).toMatch(/\(RFC 9\d{3} [\d.]+\)|too-large/)
    expect(problem.length).toBeGreaterThan(5)
  }
})

test('a head of exactly the limit is read, one byte more is too large', () => {
  const frame = 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n'
  const fitting = frame.replace('X: ', `X: ${'x'.repeat(MAX_HEAD_BYTES - frame.length)}`)
  expect(fitting.length).toBe(MAX_HEAD_BYTES)
  expect(readRequest(fitting, 1000)).toMatchObject({ method: 'GET' })
  expect(readRequest(fitting.replace('xx', 'xxx'), 1000)).toEqual({ problem: 'too-large' })
})

test('a head that comes byte by byte costs time in proportion to its length', () => {
  const text = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`
  const reader = new HeadReader('request')
  const began = process.cpuUsage()
  let result = 'more'
  for (const byte of Buffer.from(text)) result = reader.read(Buffer.from([byte]), 0)
  expect(result).toBe('done')
  // Some 20 ms of the processor; looking at every byte again would take a minute.
  expect(process.cpuUsage(began).user).toBeLessThan(5_000_000)
})

test('what follows the head stays where it is', () => {
  const reader = new HeadReader('request')
  const chunk = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\nbody')
  expect(reader.read(chunk, 0)).toBe('done')
  expect(chunk.toString('latin1', reader.next)).toBe('body')
})

test('the head survives the reader’s next head', () => {
  const reader = new HeadReader('request')
  reader.read(Buffer.from('GET /1 HTTP/1.1\r\nHo'), 0)
  reader.read(Buffer.from('st: a\r\n\r\n'), 0)
  const head = new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
  reader.reset()
  reader.read(Buffer.from('POST /2222222 HTTP/1.0\r\nX: y\r\n\r\n'), 0)
  expect(head.headers()).toEqual([['Host', 'a']])
  expect(head.header('host')).toBe('a')
  expect(head.header('x')).toBeNull()
})

test('the largest length that can be counted is read as it is', () => {
  const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740991\r\n\r\n'
  expect(readRequest(text, 0)).toMatchObject({ framing: { length: Number.MAX_SAFE_INTEGER } })
})
