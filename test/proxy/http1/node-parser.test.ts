import http from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bodyOf, INTO_REQUEST } from '../../../proxy/http1/body.ts'
import { requestFraming } from '../../../proxy/http1/framing.ts'
import { ParsedRequestHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { GOOD_REQUESTS, REFUSED_REQUESTS } from './request-vectors.ts'

/** What a parser makes of a message. */
interface Meaning {
  method: string
  target: string
  version: string
  headers: string[]
  body: string
  /** Bytes that belong to the message's successor. */
  rest: string
}

/** Our reading; null if refused or not complete. */
function ours(text: string): Meaning | null {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new HeadReader('request')
  if (reader.read(bytes, 0) !== 'done') return null
  const head = new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
  const framing = requestFraming(head)
  if (framing.kind === 'bad') return null
  let content = ''
  const recorder = {
    requestBody: (data: Buffer) => {
      content += data.toString('latin1')
    },
    responseHead: () => {},
    responseBody: () => {},
    tunnel: () => {},
    done: () => {},
  }
  const body = bodyOf(framing.length, recorder, INTO_REQUEST)
  const end = body.follow(bytes, reader.next)
  if (!body.done || body.problem !== null) return null
  const { method, target, version } = head
  const rest = bytes.toString('latin1', end)
  return { method, target, version, headers: head.headers().flat(), body: content, rest }
}

/** Node's reading, by its own HTTP server on a connection in memory; null if refused. */
function nodes(text: string): Promise<Meaning | null> {
  return new Promise((resolve) => {
    const server = http.createServer({ requireHostHeader: false })
    const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const finish = (meaning: Meaning | null) => {
      connection.destroy()
      resolve(meaning)
    }
    const take = (request: http.IncomingMessage, _: unknown, upgradeHead?: Buffer) => {
      let body = ''
      request.setEncoding('latin1')
      request.on('data', (part: string) => {
        body += part
      })
      const { method = '', url: target = '', httpVersion: version, rawHeaders: headers } = request
      const rest = upgradeHead?.toString('latin1') ?? ''
      const done = () => finish({ method, target, version, headers, body, rest })
      if (upgradeHead !== undefined) done()
      else request.on('end', done)
    }
    server.on('request', (request, answer) => take(request, answer))
    server.on('checkContinue', (request, answer) => take(request, answer))
    server.on('checkExpectation', (request, answer) => take(request, answer))
    server.on('connect', take)
    server.on('clientError', () => finish(null))
    server.emit('connection', connection)
    connection.push(Buffer.from(text, 'latin1'))
    connection.push(null)
    setTimeout(() => finish(null), 200).unref()
  })
}

/**
 * Where ours is wider on purpose, since it stands before apps of all kinds: methods are an open list
 * (RFC 9110 9.1), and targets may have bytes from 0x80 up, which nginx and others take. Neither
 * moves a boundary between messages.
 */
const known = ({ method, target }: Meaning) =>
  http.METHODS.includes(method) && !/[\x80-\xff]/.test(target)

async function expectSameMeaning(text: string): Promise<boolean> {
  const meaning = ours(text)
  if (meaning === null || !known(meaning) || meaning.rest !== '') return false
  expect(await nodes(text)).toEqual(meaning)
  return true
}

const bodied = (text: string) => {
  const framing = /^(?:content-length: *(\d+)|(transfer-encoding:))/im.exec(text)
  if (framing?.[2]) return `${text}3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n`
  return text + 'x'.repeat(Math.min(100, Number(framing?.[1] ?? 0)))
}

const GOOD = GOOD_REQUESTS.map(({ text }) => bodied(text))
const BAD = REFUSED_REQUESTS.map(({ text }) => bodied(text))

test.each(GOOD_REQUESTS)('Node reads the same in a request $name', async ({ text }) => {
  const whole = bodied(text)
  const meaning = ours(whole)
  expect(meaning).not.toBeNull()
  if (meaning !== null && known(meaning)) expect(await nodes(whole)).toEqual(meaning)
})

/** Bytes on which parsers are known to differ, and whole pieces of heads. */
const piece = fc.constantFrom(
  ...[
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    ';',
    ',',
    '\x00',
    '\x0b',
    '\x7f',
    '\x80',
    '\xff',
    '0',
    '1',
  ],
  ...['chunked', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: b\r\n', 'close'],
  ...['Connection: upgrade\r\n', 'Expect: 100-continue\r\n', '0\r\n\r\n', '"', '\\', '=', '-', '+'],
)

const mutation = fc.record({
  at: fc.nat(300),
  remove: fc.nat(3),
  insert: fc.oneof(fc.constant(''), piece),
})

test('whatever is accepted, Node accepts with the same meaning', async () => {
  let compared = 0
  const mutated = fc.tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...GOOD) }, fc.constantFrom(...BAD)),
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
  )
  await fc.assert(
    fc.asyncProperty(mutated, async ([seed, mutations]) => {
      let text = seed
      for (const { at, remove, insert } of mutations) {
        const where = at % (text.length + 1)
        text = text.slice(0, where) + insert + text.slice(where + remove)
      }
      if (await expectSameMeaning(text)) compared++
    }),
    { numRuns: 20_000 },
  )
  // The comparison is worth something only if a good part of the mutants is accepted.
  expect(compared).toBeGreaterThan(1_000)
}, 60_000)
