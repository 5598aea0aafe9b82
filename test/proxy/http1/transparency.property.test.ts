import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type MemoryStream, memoryPair, settle } from '../memory-stream.ts'
import { Peer, startRelay } from './relay-harness.ts'

/** One exchange: what is sent each way, and how the bytes are cut. */
interface Exchange {
  request: string
  response: string
  cuts: number[]
}

const token = fc.stringMatching(/^[A-Za-z!#$%&'*+.^_`|~-][A-Za-z0-9-]{0,8}$/)
const value = fc.stringMatching(/^[!-~\x80-\xff]([ \t!-~\x80-\xff]{0,12}[!-~\x80-\xff])?$/)
const blank = fc.constantFrom('', ' ', '\t', '  ')
const RESERVED =
  /^(host|connection|content-length|transfer-encoding|upgrade|authorization|expect)$/i

const field = fc
  .tuple(token, blank, fc.oneof(value, fc.constant('')), blank)
  .filter(([name]) => !RESERVED.test(name))
  .map(([name, before, text, after]) => `${name}:${before}${text}${after}\r\n`)

const fields = fc.array(field, { maxLength: 6 }).map((list) => list.join(''))
const bytes = fc
  .uint8Array({ maxLength: 200 })
  .map((array) => Buffer.from(array).toString('latin1'))

const chunks = fc
  .tuple(
    fc.array(
      fc.tuple(
        bytes.filter((data) => data.length > 0),
        fc.constantFrom('', ';a', ';a=b', ';a="b;\\"c"'),
      ),
      { maxLength: 4 },
    ),
    fields,
  )
  .map(([list, trailers]) => {
    const data = list.map(([text, ext]) => `${text.length.toString(16)}${ext}\r\n${text}\r\n`)
    return `${data.join('')}0\r\n${trailers}\r\n`
  })

/** A body with the field that frames it; `null` is no body at all. */
const framedBody = fc.oneof(
  bytes.map((body) => ({ framing: `content-LENGTH: ${body.length}\r\n`, body })),
  chunks.map((body) => ({ framing: 'Transfer-encoding: chunked\r\n', body })),
)

const exchange: fc.Arbitrary<Exchange> = fc
  .record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PURGE'),
    target: fc.webPath().map((path) => `/${path}`),
    sent: fc.option(framedBody, { nil: null }),
    requestFields: fields,
    interim: fc.array(fc.constantFrom('100 Continue', '103 Early Hints'), { maxLength: 2 }),
    status: fc.constantFrom(200, 201, 204, 304, 404, 500),
    responseFields: fields,
    returned: framedBody,
    cuts: fc.array(fc.nat(400), { maxLength: 6 }),
  })
  .map((parts) => {
    const { method, sent, status, returned } = parts
    const start = `${method} ${parts.target} HTTP/1.1\r\nHost: a\r\n`
    const request = `${start}${sent?.framing ?? ''}${parts.requestFields}\r\n${sent?.body ?? ''}`
    const bodiless = method === 'HEAD' || status === 204 || status === 304
    const framing = status === 204 ? '' : returned.framing
    const interim = parts.interim.map((line) => `HTTP/1.1 ${line}\r\nX: y\r\n\r\n`).join('')
    const head = `HTTP/1.1 ${status} Why Not\r\n${parts.responseFields}${framing}\r\n`
    const response = `${interim}${head}${bodiless ? '' : returned.body}`
    return { request, response, cuts: parts.cuts }
  })

/** Sends a text cut into pieces, some turns apart. */
async function sendInPieces(peer: Peer, text: string, cuts: number[]): Promise<void> {
  const ends = [...new Set([...cuts, text.length])].sort((a, b) => a - b)
  let from = 0
  for (const end of ends.filter((at) => at <= text.length)) {
    peer.send(text.slice(from, end))
    from = end
    await settle(2)
  }
}

/** Plays the exchanges; both ends only ever see each other's bytes. */
async function play(exchanges: Exchange[], client: Peer, server: () => Peer | undefined) {
  let sent = ''
  let answered = ''
  for (const { request, response, cuts } of exchanges) {
    sent += request
    answered += response
    await sendInPieces(client, request, cuts)
    await settle(4)
    if (server()?.received !== sent) break
    await sendInPieces(server() as Peer, response, cuts)
    await settle(4)
    if (client.received !== answered) break
  }
  const clientSaw = client.received
  const open = !client.ended && !server()?.ended
  client.stream.end()
  await settle()
  return { clientSaw, serverSaw: server()?.received, open, serverEnded: server()?.ended }
}

async function direct(exchanges: Exchange[]) {
  const [near, far]: [MemoryStream, MemoryStream] = memoryPair()
  const server = new Peer(far)
  return await play(exchanges, new Peer(near), () => server)
}

test('random exchanges look the same directly and through the relay', async () => {
  const lists = fc.array(exchange, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(lists, async (exchanges) => {
      const harness = startRelay()
      const relayed = await play(exchanges, harness.client, () => harness.servers[0])
      expect(relayed).toEqual(await direct(exchanges))
      expect(harness.refused).toEqual([])
      expect(harness.recorded.map(({ ends }) => ends)).toEqual(
        exchanges.map(({ request, response }) => [
          { requestBytes: request.length, responseBytes: response.length, error: null },
        ]),
      )
    }),
    { numRuns: 150 },
  )
}, 60_000)

test('random exchanges, all sent at once, are answered in order', async () => {
  const lists = fc.array(exchange, { minLength: 2, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(lists, async (exchanges) => {
      let next = 0
      const harness = startRelay({
        onServer: (server) => {
          server.onText = () => {
            const due = exchanges.slice(0, next + 1).map(({ request }) => request)
            if (server.received !== due.join('')) return
            server.send(exchanges[next++]?.response ?? '')
          }
        },
      })
      await sendInPieces(
        harness.client,
        exchanges.map(({ request }) => request).join(''),
        exchanges[0]?.cuts ?? [],
      )
      await settle(60)
      expect(harness.client.received).toBe(exchanges.map(({ response }) => response).join(''))
    }),
    { numRuns: 100 },
  )
}, 60_000)
