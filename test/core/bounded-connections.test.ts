/** Connections of several addresses of the loopback network, which is all of 127.0.0.0/8. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { boundConnections } from '../../core/bounded-connections.ts'
import { createPodLog } from '../../core/pod-log.ts'
import { authorityFor } from './kube/tls-fixture.ts'

const MANY = '127.0.0.2'
const FEW = '127.0.0.3'

let server: Server
let lines: { address: string; closed: number; most: number }[]
let closed: number
let now: number
let ca: string
const sockets: Socket[] = []

beforeEach(async () => {
  const authority = await authorityFor('localhost')
  ca = authority.cert
  server = createServer({ ...authority.leaf }, (_, response) => void response.end('ok'))
  lines = []
  closed = 0
  now = 0
  const log = createPodLog('test', 'info', { write: (line) => void lines.push(JSON.parse(line)) })
  boundConnections(server, {
    ...{ most: 4, now: () => now, log },
    onClosed: () => {
      closed += 1
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.close()
  server.closeAllConnections()
})

/** A connection whose handshake never begins; resolves once the server has it. */
async function silent(localAddress: string): Promise<Socket> {
  const accepted = once(server, 'connection')
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, localAddress })
  socket.on('error', () => {})
  sockets.push(socket)
  await accepted
  return socket
}

async function secure(localAddress: string): Promise<TLSSocket> {
  const socket = connectTls({ socket: await silent(localAddress), servername: 'localhost', ca })
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'secureConnect')
  return socket
}

/** Resolves once the server knows that all have gone. */
function nobodyThere(): Promise<void> {
  return new Promise((resolve) => {
    const look = () =>
      server.getConnections((_, open) => (open === 0 ? resolve() : void setTimeout(look, 5)))
    look()
  })
}

async function answered(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [first] = await once(socket, 'data')
  return String(first).slice(0, 15)
}

test('one address cannot keep others out with connections that say nothing', async () => {
  const idle = [await silent(MANY), await silent(MANY), await silent(MANY), await silent(MANY)]
  const ended = once(idle[0] as Socket, 'close')
  const other = await secure(FEW)
  expect(await answered(other)).toBe('HTTP/1.1 200 OK')
  await ended
  expect(lines).toMatchObject([{ address: MANY, closed: 1, most: 4 }])
})

test('nor with more and more of them', async () => {
  const other = await secure(FEW)
  for (let count = 0; count < 3; count += 1) await silent(MANY)
  const late = await silent(MANY)
  await once(late, 'close')
  expect(lines).toMatchObject([{ address: MANY, closed: 1, most: 4 }])
  expect(await answered(other)).toBe('HTTP/1.1 200 OK')
})

test('the connection that goes is the one whose last request is longest ago', async () => {
  const first = await secure(MANY)
  const second = await secure(MANY)
  await secure(MANY)
  await secure(MANY)
  await answered(first)
  const ended = once(second, 'close')
  await silent(FEW)
  await ended
  expect(await answered(first)).toBe('HTTP/1.1 200 OK')
})

test('what has gone makes room', async () => {
  for (let count = 0; count < 12; count += 1) {
    const socket = await silent(MANY)
    socket.destroy()
    await nobodyThere()
  }
  expect(closed).toBe(0)
})

test('all that are closed are counted, and told of with their address once in ten seconds', async () => {
  for (let count = 0; count < 4; count += 1) await silent(MANY)
  for (const at of [1000, 2000, 10_999, 11_000]) {
    now = at
    await once(await silent(MANY), 'close')
  }
  expect(closed).toBe(4)
  expect(lines).toMatchObject([{ closed: 1 }, { closed: 3 }])
})
