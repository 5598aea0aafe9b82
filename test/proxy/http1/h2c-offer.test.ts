import { expect, test } from '@jest/globals'
import { offersH2c, withoutH2cOffer } from '../../../proxy/http1/h2c-offer.ts'
import { ParsedRequestHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import { settle } from '../memory-stream.ts'
import { startRelay } from './relay-harness.ts'

function headOf(text: string): ParsedRequestHead {
  const reader = new HeadReader('request')
  expect(reader.read(Buffer.from(text, 'latin1'), 0)).toBe('done')
  return new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
}

test.each([
  {
    name: 'as Java sends it',
    sent: 'Connection: Upgrade, HTTP2-Settings\r\nHost: a\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\nUpgrade: h2c\r\nX-odd:\t1 \r\n',
    left: 'Host: a\r\nX-odd:\t1 \r\n',
  },
  {
    name: 'beside another protocol',
    sent: 'Host: a\r\nupgrade: H2C , websocket\r\nCONNECTION:keep-alive,upgrade ,http2-settings\r\n',
    left: 'Host: a\r\nupgrade: websocket\r\nCONNECTION: keep-alive, upgrade\r\n',
  },
  {
    name: 'in a field of its own',
    sent: 'Upgrade: websocket\r\nHost: a\r\nUpgrade:h2c\r\nConnection: upgrade\r\n',
    left: 'Upgrade: websocket\r\nHost: a\r\nConnection: upgrade\r\n',
  },
  {
    name: 'among options that stay',
    sent: 'Host: a\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n',
    left: 'Host: a\r\nConnection: close\r\n',
  },
])('the offer of h2c is taken out $name', ({ sent, left }) => {
  const start = 'POST /x HTTP/1.1\r\n'
  const head = withoutH2cOffer(headOf(`\r\n${start}${sent}\r\n`))
  expect(head.bytes().toString('latin1')).toBe(`${start}${left}\r\n`)
  expect([head.method, head.target]).toEqual(['POST', '/x'])
})

const OFFER =
  'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

test('a client that offers h2c stays in HTTP/1.1, where each of its requests is routed', async () => {
  const { client, servers } = startRelay({ setHeaders: [['azds-hop', '1']] })
  client.send(`${OFFER}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n`)
  await settle()
  expect(servers[0]?.received).toBe('GET /1 HTTP/1.1\r\nHost: a\r\nazds-hop: 1\r\n\r\n')
  servers[0]?.send(OK)
  await settle()
  expect(servers[0]?.received).toContain('GET /2 HTTP/1.1\r\nHost: a\r\nazds-hop: 1\r\n\r\n')
})

test('a server that switches to h2c all the same has not been asked', async () => {
  const { client, servers } = startRelay({ setHeaders: [['azds-hop', '1']] })
  client.send(OFFER)
  await settle()
  servers[0]?.send('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
  await settle()
  expect(client.received).toContain('azds-proxy-error: bad-response\r\n')
})

test('where nothing is routed the offer passes, and the answer opens a tunnel', async () => {
  const { client, servers, recorded } = startRelay()
  client.send(OFFER)
  await settle()
  expect(servers[0]?.received).toBe(OFFER)
  servers[0]?.send('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00')
  client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  await settle()
  expect(servers[0]?.received).toBe(`${OFFER}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`)
  expect(recorded[0]?.tunnel).toBe('upgrade')
})

test('blanks within an offer are looked at once, and not from each of them on', () => {
  const start = performance.now()
  expect(offersH2c(`a${' \t'.repeat(200_000)}b,\t h2c \t`)).toBe(true)
  expect(offersH2c(`a${' \t'.repeat(200_000)}h2c`)).toBe(false)
  // Some milliseconds, where the square of their number takes minutes.
  expect(performance.now() - start).toBeLessThan(10_000)
})
