import { expect, test } from '@jest/globals'
import type { RequestHead } from '../../../proxy/exchange.ts'
import { settle } from '../memory-stream.ts'
import { TARGET } from '../recorded-exchange.ts'
import { type Harness, type HarnessOptions, startRelay } from './relay-harness.ts'

/** So often that the head is read, learnt and met. */
const TIMES = 5

const HEAD = 'GET /known HTTP/1.1\r\nHost: known.example.test\r\nAccept: */*\r\n\r\n'
const SET: HarnessOptions['setHeaders'] = [['X-Set', 'value']]
const SENT = HEAD.replace(/\r\n$/, 'X-Set: value\r\n\r\n')
const ANSWER = 'HTTP/1.1 200 OK\r\nServer: known\r\nContent-Length: 2\r\n\r\nok'

const start = (options: HarnessOptions = {}) => startRelay({ lingerMs: 50, ...options })

interface Round {
  request: string
  answer: string
  /** The server that is to have the request; the first if absent. */
  server?: number
}

/** One exchange; what the server got and what the client got. */
async function exchange({ client, servers }: Harness, { request, answer, server = 0 }: Round) {
  client.received = ''
  for (const one of servers) one.received = ''
  client.send(request)
  await settle(8)
  const sent = servers[server]?.received
  servers[server]?.send(answer)
  await settle(8)
  return { sent, received: client.received }
}

test('a request that comes again is sent on as it was the first time, with a record each', async () => {
  const harness = start({ setHeaders: SET })
  for (let i = 0; i < TIMES; i++) {
    const { sent, received } = await exchange(harness, { request: HEAD, answer: ANSWER })
    expect([sent, received]).toEqual([SENT, ANSWER])
  }
  const { recorded } = harness
  expect(recorded).toHaveLength(TIMES)
  for (const record of recorded) expect(record).toEqual(recorded[0])
  expect(recorded[0]).toMatchObject({
    request: { method: 'GET', target: '/known' },
    status: 200,
    responseBody: 'ok',
    ends: [{ requestBytes: SENT.length, responseBytes: ANSWER.length, error: null }],
  })
})

test('where nothing is set, known bytes go on untouched', async () => {
  const harness = start()
  for (let i = 0; i < TIMES; i++) {
    const { sent, received } = await exchange(harness, { request: HEAD, answer: ANSWER })
    expect([sent, received]).toEqual([HEAD, ANSWER])
  }
})

test('what is done with a known request is decided each time: another target, another header', async () => {
  const setHeaders: NonNullable<HarnessOptions['setHeaders']> = [['X-Set', 'value']]
  let port = TARGET.port
  const heads = new Set<RequestHead>()
  const target = (head: RequestHead) => {
    heads.add(head)
    return { ip: TARGET.ip, port }
  }
  const harness = start({ setHeaders, target })
  for (let i = 0; i < TIMES; i++) await exchange(harness, { request: HEAD, answer: ANSWER })
  port++
  setHeaders[0] = ['X-Set', 'other']
  const { sent } = await exchange(harness, { request: HEAD, answer: ANSWER, server: 1 })
  expect(harness.dialled.map((address) => address.port)).toEqual([TARGET.port, TARGET.port + 1])
  expect(sent).toBe(SENT.replace('value', 'other'))
  // It was known: the one head was asked about again.
  expect(heads.size).toBeLessThan(TIMES)
})

test('a head of the same length with one other byte goes its own way', async () => {
  const harness = start({ setHeaders: SET })
  for (let i = 0; i < TIMES; i++) await exchange(harness, { request: HEAD, answer: ANSWER })
  for (const [from, to] of [
    ['/known', '/knowm'],
    ['GET', 'PUT'],
    ['*/*', '*/+'],
    ['Accept', 'Accepu'],
  ] as const) {
    const request = HEAD.replace(from, to)
    for (let i = 0; i < TIMES; i++) {
      const { sent } = await exchange(harness, { request, answer: ANSWER })
      expect(sent).toBe(SENT.replace(from, to))
      expect((await exchange(harness, { request: HEAD, answer: ANSWER })).sent).toBe(SENT)
    }
  }
})

test('a head of the same length that is not valid is refused each time', async () => {
  for (let i = 0; i < TIMES; i++) {
    const harness = start({ setHeaders: SET })
    await exchange(harness, { request: HEAD, answer: ANSWER })
    const request = HEAD.replace('Host: ', 'Host : ').replace('*/*', '**')
    expect(request).toHaveLength(HEAD.length)
    const { received } = await exchange(harness, { request, answer: ANSWER })
    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    expect(harness.refused).toHaveLength(1)
  }
})

test('two requests in one chunk, known or not, are answered one after the other', async () => {
  const harness = start({ setHeaders: SET })
  for (let i = 0; i < TIMES; i++) {
    await exchange(harness, { request: HEAD, answer: ANSWER })
    const { sent, received } = await exchange(harness, { request: HEAD + HEAD, answer: ANSWER })
    expect([sent, received]).toEqual([SENT, ANSWER])
    expect(await exchange(harness, { request: '', answer: ANSWER })).toEqual({
      sent: '',
      received: ANSWER,
    })
  }
  expect(harness.recorded).toHaveLength(3 * TIMES)
})

test('a known head behind the first half of another one is a part of that', async () => {
  const harness = start({ setHeaders: SET })
  for (let i = 0; i < TIMES; i++) await exchange(harness, { request: HEAD, answer: ANSWER })
  for (let i = 0; i < TIMES; i++) {
    harness.client.send('POST /b HTTP/1.1\r\nHost: b\r\nContent-Length: ')
    await settle(8)
    harness.client.send(`${HEAD.length}\r\n\r\n`)
    await settle(8)
    await exchange(harness, { request: HEAD, answer: ANSWER })
    expect(harness.recorded.at(-1)).toMatchObject({
      request: { method: 'POST', target: '/b' },
      requestBody: HEAD,
    })
  }
})

test.each(Array.from({ length: HEAD.length - 1 }, (_, at) => at + 1))(
  'a known head that comes in two parts, cut at %d, is the same request',
  async (at) => {
    const harness = start({ setHeaders: SET })
    for (let i = 0; i < 3; i++) {
      harness.client.send(HEAD.slice(0, at))
      await settle(4)
      const request = HEAD.slice(at)
      expect((await exchange(harness, { request, answer: ANSWER })).sent).toContain('X-Set: value')
    }
    expect(harness.recorded.map(({ request }) => request.target)).toEqual(
      Array.from({ length: 3 }, () => '/known'),
    )
  },
)

test('a request with a body that comes again as a whole brings its body each time', async () => {
  const harness = start({ setHeaders: SET })
  const head = 'POST /b HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n'
  for (let i = 0; i < TIMES; i++) {
    const request = `${head}\r\nhello`
    const { sent } = await exchange(harness, { request, answer: ANSWER })
    expect(sent).toBe(`${head}X-Set: value\r\n\r\nhello`)
  }
  expect(harness.recorded.map(({ requestBody }) => requestBody)).toEqual(
    Array.from({ length: TIMES }, () => 'hello'),
  )
})

test('one head with another body behind it each time', async () => {
  const harness = start({ setHeaders: SET })
  const head = 'POST /b HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n'
  for (let i = 0; i < TIMES; i++) {
    harness.client.send(head)
    await settle(8)
    await exchange(harness, { request: `body${i}`, answer: ANSWER })
    expect(harness.recorded.at(-1)?.requestBody).toBe(`body${i}`)
  }
})

test('a known answer has a body or none by the method that it answers', async () => {
  const harness = start()
  const answer = 'HTTP/1.1 200 OK\r\nServer: known\r\nContent-Length: 2\r\n\r\n'
  const get = 'GET /b HTTP/1.1\r\nHost: b\r\n\r\n'
  const head = get.replace('GET', 'HEAD')
  for (let i = 0; i < TIMES; i++) {
    expect((await exchange(harness, { request: head, answer })).received).toBe(answer)
    harness.client.send(get)
    await settle(8)
    harness.servers[0]?.send(answer)
    await settle(8)
    await exchange(harness, { request: '', answer: 'ok' })
    expect(harness.recorded.at(-1)).toMatchObject({ status: 200, responseBody: 'ok' })
  }
})

test('a known answer with an interim one before it, and with bytes behind it that belong to nobody', async () => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  for (let i = 0; i < TIMES; i++) {
    const harness = start()
    const answer = interim + ANSWER
    expect((await exchange(harness, { request: HEAD, answer })).received).toBe(answer)
    const more = await exchange(harness, { request: HEAD, answer: `${ANSWER}HTTP/1.1` })
    expect(more.received).toBe(ANSWER)
    expect(harness.client.ended).toBe(true)
  }
})

test('the last answer of a connection says so, also if it is known', async () => {
  for (let i = 0; i < TIMES; i++) {
    const harness = start()
    await exchange(harness, { request: HEAD, answer: ANSWER })
    harness.relay.retire()
    const { received } = await exchange(harness, { request: HEAD, answer: ANSWER })
    expect(received).toContain('Connection: close\r\n')
    expect(harness.client.ended).toBe(true)
  }
})

test('a known request is sent again where its server was just closing the connection', async () => {
  const harness = start({ setHeaders: SET })
  for (let i = 0; i < TIMES; i++) await exchange(harness, { request: HEAD, answer: ANSWER })
  harness.client.received = ''
  harness.client.send(HEAD)
  await settle(2)
  harness.servers[0]?.stream.reset()
  await settle()
  expect(harness.servers[1]?.received).toBe(SENT)
  harness.servers[1]?.send(ANSWER)
  await settle()
  expect(harness.client.received).toBe(ANSWER)
})
