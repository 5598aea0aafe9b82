import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import { relayHttp1 } from '../../../proxy/http1/relay.ts'
import { silentRecorder } from '../../../proxy/recorder.ts'
import { listenLocal, rawTransport } from '../transports.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const servers: net.Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(
  onRequest: (socket: net.Socket, server: net.Server) => void,
): Promise<Address> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => onRequest(socket, server))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { ip: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}

const answer = (name: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`

/** Sends a request and gives what comes, up to this text. */
function ask(client: net.Socket, text: string): Promise<string> {
  let received = ''
  const answered = new Promise<string>((resolve) => {
    client.on('data', (part) => {
      received += part.toString('latin1')
      if (!received.endsWith(text)) return
      client.removeAllListeners('data')
      resolve(received)
    })
    client.once('end', () => resolve(received))
  })
  client.write(GET)
  return answered
}

test('a version that leaves with a request on a kept connection is replaced by the one that the plan names then', async () => {
  let requests = 0
  const leaving = await serve((socket, server) => {
    requests++
    if (requests === 1) socket.write(answer('first'))
    else {
      server.close()
      socket.destroy()
    }
  })
  const other = await serve((socket) => socket.write(answer('other')))
  const proxy = await listenLocal(rawTransport, ({ stream }) => {
    relayHttp1(stream, Buffer.alloc(0), {
      plan: () => ({
        kind: 'forward',
        target: leaving,
        setHeaders: [],
        recorder: silentRecorder,
        elsewhere: () => other,
      }),
      dial: rawTransport.dial,
      pool: null,
      onRefused: () => {},
    })
  })
  const client = net.connect(proxy.address.port, '127.0.0.1')
  expect(await ask(client, 'first')).toBe(answer('first'))
  expect(await ask(client, 'other')).toBe(answer('other'))
  client.destroy()
  proxy.close()
})
