/**
 * Node's own parser as a judge: whatever ours accepts, that one accepts with the same meaning. It is
 * what most apps behind a sidecar read with, and the strictest in wide use.
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { KNOWN_METHODS, type Meaning, NodeReading } from './node-http-parser.ts'
import { oddRequests, oddResponses } from './odd-messages.ts'
import { type OwnMessage, readRequests, readResponses } from './own-reading.ts'
import { REFUSED_REQUESTS } from './refused-requests.ts'
import { GOOD_REQUESTS } from './request-vectors.ts'
import { GOOD_RESPONSES, REFUSED_RESPONSES } from './response-vectors.ts'

/** Runs of each random test: some 3 s each. `AZDS_FUZZ_RUNS=2000000` is a night's worth. */
const RUNS = Number(process.env['AZDS_FUZZ_RUNS'] ?? 15_000)
const TIMEOUT_MS = 60_000 + RUNS

/**
 * Where ours is wider on purpose, since it stands before apps of all kinds. None of it moves a
 * boundary between messages.
 */
function isBeyondNode({ start: [method = '', target = ''] }: OwnMessage): string | null {
  // An open list (RFC 9110 9.1); PURGE-ALL and the like work with nginx or Varnish.
  if (!KNOWN_METHODS.has(method)) return 'a method that llhttp does not know'
  // No URI characters, but nginx, Apache and Go take them, and careless clients send them.
  if (/[\x80-\xff]/.test(target)) return 'a target with bytes from 0x80 up'
  return null
}

/** What is compared: all but the positions, and keep-alive, which has a test of its own. */
const content = ({ start, version, headers, body }: Meaning) => ({ start, version, headers, body })

/** Gives each message to Node in two parts, so that the very byte is compared with which it ends. */
function expectNodeAgrees(
  bytes: Buffer,
  messages: OwnMessage[],
  node: NodeReading,
  toHead = false,
): number {
  let compared = 0
  for (const message of messages) {
    const last = message.to - 1
    node.read(bytes.subarray(message.from, last))
    expect([node.refused, node.messages.length]).toEqual([null, compared])
    node.read(bytes.subarray(last, message.to))
    if (message.untilClose) node.end()
    expect(node.refused).toBeNull()
    const theirs = node.messages[compared]
    expect(theirs && content(theirs)).toEqual(content(message))
    // To keep a connection open that the peer closes would join two conversations; the other way
    // round it is only closed too soon. Of an answer to HEAD llhttp tells its opinion before it hears
    // that there is no body.
    if (message.keepAlive && !toHead) expect(theirs?.keepAlive).toBe(true)
    compared++
  }
  return compared
}

function compareRequests(text: string): number {
  const bytes = Buffer.from(text, 'latin1')
  const messages = readRequests(bytes)
  const beyond = messages.findIndex((message) => isBeyondNode(message) !== null)
  const known = beyond < 0 ? messages : messages.slice(0, beyond)
  return expectNodeAgrees(bytes, known, new NodeReading('request'))
}

function compareResponses(text: string, method: string): number {
  const bytes = Buffer.from(text, 'latin1')
  const toHead = method === 'HEAD'
  const node = new NodeReading('response', () => toHead)
  return expectNodeAgrees(bytes, readResponses(bytes, method), node, toHead)
}

/** A head with a body that fits it. */
const whole = (text: string) => {
  const framing = /^(?:content-length: *(\d+)|(transfer-encoding:))/im.exec(text)
  if (framing?.[2]) return `${text}3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n`
  return text + 'x'.repeat(Math.min(100, Number(framing?.[1] ?? 0)))
}

test.each(GOOD_REQUESTS)('Node reads the same in a request: $name', ({ text }) => {
  const messages = readRequests(Buffer.from(whole(text), 'latin1'))
  expect(messages).toHaveLength(1)
  for (const message of messages) {
    const compared = compareRequests(whole(text))
    expect(compared === 1 || isBeyondNode(message) !== null).toBe(true)
  }
})

test.each(GOOD_RESPONSES)(
  'Node reads the same in a response: $name',
  ({ text, method = 'GET' }) => {
    expect(
      compareResponses(method === 'GET' && !text.includes(' 304 ') ? whole(text) : text, method),
    ).toBe(1)
  },
)

test('refused heads and what differs from them by little are never read otherwise', () => {
  for (const { text } of REFUSED_REQUESTS) compareRequests(whole(text))
  for (const { text } of REFUSED_RESPONSES) compareResponses(whole(text), 'GET')
})

test(
  'whatever of a client is accepted, Node accepts with the same meaning',
  () => {
    let compared = 0
    fc.assert(
      fc.property(oddRequests, (text) => {
        compared += compareRequests(text)
      }),
      { numRuns: RUNS },
    )
    // The comparison is worth something only if a good part is accepted.
    expect(compared).toBeGreaterThan(RUNS / 5)
  },
  TIMEOUT_MS,
)

test(
  'whatever of a server is accepted, Node accepts with the same meaning',
  () => {
    let compared = 0
    fc.assert(
      fc.property(oddResponses, fc.constantFrom('GET', 'GET', 'HEAD'), (text, method) => {
        compared += compareResponses(text, method)
      }),
      { numRuns: RUNS },
    )
    expect(compared).toBeGreaterThan(RUNS / 5)
  },
  TIMEOUT_MS,
)
