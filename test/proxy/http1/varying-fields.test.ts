import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { HeaderList } from '../../../core/trace-record.ts'
import type { RequestHead } from '../../../proxy/exchange.ts'
import { editHead } from '../../../proxy/http1/edit-head.ts'
import { requestFraming } from '../../../proxy/http1/framing.ts'
import { ParsedRequestHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { VARYING } from '../../../proxy/http1/varying-fields.ts'
import { saidBy, traceIdsOf } from '../../../proxy/request-facts.ts'
import { settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { type Harness, startRelay } from './relay-harness.ts'

const LINE = 'GET /items/1 HTTP/1.1\r\n'
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** Reads a head that comes in these parts; one that comes whole may be known by its fields. */
function readHead(...parts: Buffer[]): ParsedRequestHead | string {
  const reader = new HeadReader('request')
  for (const part of parts) {
    const result = reader.read(part, 0)
    if (result === 'done') return new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
    if (result !== 'more') return result === 'refused' ? reader.scanner.problem : result
  }
  return 'more'
}

const SET: HeaderList = [
  ['traceparent', '00-11111111111111111111111111111111-2222222222222222-01'],
  ['azds-hop', '1'],
]

/** All that anybody makes of a head, but for ids that are made up. */
function meaningOf(head: ParsedRequestHead | string) {
  if (typeof head === 'string') return head
  const { method, target, version } = head
  const said = saidBy(head)
  const { parentSpanId, traceId } = traceIdsOf(head, said)
  const kept = head.detached()
  return {
    bytes: head.bytes().toString('latin1'),
    first: [method, target, version],
    headers: head.headers(),
    framing: requestFraming(head),
    said,
    parent: parentSpanId === null ? null : [traceId, parentSpanId],
    kept: [kept.method, kept.target, kept.headers()],
    sent: editHead(head, { set: SET }).toString('latin1'),
  }
}

/** The memory and the plain reader agree on these bytes. */
function expectSame(text: string | Buffer): void {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  // What comes in two parts is looked at byte by byte, by one who knows nothing.
  const plain = readHead(bytes.subarray(0, 1), bytes.subarray(1))
  expect(meaningOf(readHead(bytes))).toEqual(meaningOf(plain))
}

const knownSet = (text: string) => {
  const head = readHead(Buffer.from(text, 'latin1'))
  return typeof head === 'string' ? head : head.fieldSet
}

test('heads that differ in the ids of their traces and requests share their fields, and nothing of those', () => {
  const of = (parent: string, id: string) =>
    `${LINE}Host: varying-1\r\nTraceparent: ${parent}\r\nAccept: */*\r\nX-Request-ID: ${id}\r\n\r\n`
  const one = of(PARENT, 'aaaa')
  const two = of(PARENT.replace('4bf92f', '000001'), 'bbbb')
  expect(knownSet(two)).toBe(knownSet(one))
  for (const text of [one, two, one]) expectSame(text)
  const head = readHead(Buffer.from(two, 'latin1')) as ParsedRequestHead
  expect(head.header('x-request-id')).toBe('bbbb')
  expect(traceIdsOf(head, saidBy(head)).traceId).toMatch(/^000001/)
})

test.each([
  ['another length', 'a', 'ab'],
  ['a blank at the beginning', 'ab', ' b'],
  ['a blank at the end', 'ab', 'a '],
  ['a tab at the end', 'ab', 'a\t'],
  ['a control character', 'abc', 'a\x01c'],
  ['a line end', 'abc', 'a\nc'],
  ['another field', 'abcdefgh', 'a\r\nX: yz'],
])('a value that is not one of the same place: %s', (_, known, other) => {
  const of = (value: string) => `${LINE}Host: varying-2\r\nx-request-id: ${value}\r\nA: b\r\n\r\n`
  const set = knownSet(of(known))
  expect(knownSet(of(known))).toBe(set)
  expect(knownSet(of(other))).not.toBe(set)
  expectSame(of(other))
})

test('whatever a known head is changed to at one place, it means what it says there', () => {
  const known = `${LINE}Host: varying-3\r\ntraceparent: ${PARENT}\r\nazds-route-as: bob\r\nb3: 0-1\r\n\r\n`
  const bytes = Buffer.from(known, 'latin1')
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of [0, 9, 10, 13, 32, 45, 48, 58, 65, 102, 103, 127, 128, 255]) {
      expectSame(known)
      const changed = Buffer.from(bytes)
      changed[at] = byte
      expectSame(changed)
    }
  }
})

const names = [
  ...VARYING,
  'X-Request-Id',
  'TraceParent',
  'Accept',
  'Cookie',
  'azds-route-as',
  'baggage',
]
const values = [
  '',
  'x',
  'bob',
  'close',
  'chunked',
  'kube-probe/1',
  PARENT,
  `${PARENT.slice(0, -1)}0`,
  'é',
  'a b',
  '0',
]
const someFields = fc.array(
  fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values), fc.constantFrom('', ' ', '\t ')),
  { maxLength: 6 },
)

test('heads that vary as they like mean to the memory what they mean to a reader without one', () => {
  const text = (fields: [string, string, string][]) =>
    `${LINE}Host: varying-4\r\n${fields.map(([name, value, blank]) => `${name}:${blank}${value}${blank}\r\n`).join('')}\r\n`
  const others = fc.array(fc.array(fc.constantFrom(...values), { minLength: 6, maxLength: 6 }), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(someFields, others, (fields, rounds) => {
      expectSame(text(fields))
      for (const round of rounds) {
        // The same names with other values, of which some are as long.
        expectSame(text(fields.map(([name, , blank], at) => [name, round[at] as string, blank])))
        expectSame(text(fields))
      }
    }),
    { numRuns: 300 },
  )
})

/** One exchange over a relay; what the server got. */
async function exchange({ client, servers }: Harness, parts: string[]): Promise<string> {
  for (const server of servers) server.received = ''
  for (const part of parts) {
    client.send(part)
    await settle(4)
  }
  const sent = servers[0]?.received ?? ''
  servers[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await settle(8)
  return sent
}

test('each request is planned and sent on with its own values, however it is cut', async () => {
  const told: unknown[] = []
  const target = (head: RequestHead) => {
    told.push([head.target, head.header('x-request-id')])
    return TARGET
  }
  const harness = startRelay({ lingerMs: 50, setHeaders: [['azds-hop', '1']], target })
  const request = (number: number) =>
    `GET /items/${number} HTTP/1.1\r\nHost: varying-5\r\nx-request-id: ${String(number).padStart(9, '0')}\r\nA: b\r\n\r\n`
  const { length } = request(100)
  for (let at = 0; at < length; at++) {
    const whole = request(100 + at)
    const sent = await exchange(harness, at === 0 ? [whole] : [whole.slice(0, at), whole.slice(at)])
    expect(sent).toBe(whole.replace(/\r\n$/, 'azds-hop: 1\r\n\r\n'))
    const next = request(500 + at)
    expect(await exchange(harness, [next])).toContain(`x-request-id: 000000${500 + at}\r\n`)
  }
  expect(told).toEqual(
    Array.from({ length: 2 * length }, (_, i) => {
      const number = (i % 2 === 0 ? 100 : 500) + (i >> 1)
      return [`/items/${number}`, `000000${number}`]
    }),
  )
})
