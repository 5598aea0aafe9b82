import net from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import { servePages } from '../../proxy/page-server.ts'
import type { Listening } from '../../proxy/transport.ts'
import { readAll } from './proxy-world.ts'
import { TRANSPORTS } from './transports.ts'

describe.each(TRANSPORTS.map((transport) => [transport.name, transport] as const))(
  'a server of pages by %s',
  (_, transport) => {
    let server: Listening

    beforeEach(async () => {
      server = await servePages({
        port: 0,
        host: '127.0.0.1',
        transport,
        log: silentLog,
        page: (method, target) => {
          const page = {
            status: target === '/gone' ? 404 : 200,
            type: 'text/plain',
            body: target === '/long' ? 'ü'.repeat(500_000) : `${method} ${target}`,
          }
          if (target !== '/late') return page
          return new Promise((resolve) => setTimeout(() => resolve(page), 20))
        },
      })
    })

    afterEach(() => server.close())

    const connect = () => net.connect(server.address.port, '127.0.0.1')

    async function ask(text: string): Promise<string> {
      const socket = connect()
      socket.write(text)
      return readAll(socket)
    }

    test('answers a request with its page, says how long it is, and ends the connection', async () => {
      expect(await ask('GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n')).toBe(
        'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 8\r\nconnection: close\r\n\r\nGET /a?b',
      )
      expect(await ask('GET /gone HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/)
    })

    test('answers HEAD with the length alone', async () => {
      expect(await ask('HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(
        /content-length: 7\r\nconnection: close\r\n\r\n$/,
      )
    })

    test('counts the length of a page in bytes, and sends a long one whole', async () => {
      const [head = '', body = ''] = (await ask('GET /long HTTP/1.1\r\nHost: x\r\n\r\n')).split(
        '\r\n\r\n',
      )
      expect(head).toContain('content-length: 1000000')
      expect(body.length).toBe(1_000_000)
    })

    test('takes a request that comes byte by byte', async () => {
      const socket = connect().setNoDelay(true)
      for (const byte of 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n') {
        socket.write(byte)
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 .*GET \/a$/s)
    })

    test('answers a request with a body that it does not want', async () => {
      const body = 'x'.repeat(1_000_000)
      const request = `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      expect(await ask(request)).toMatch(/^HTTP\/1\.1 200 .*POST \/a$/s)
    })

    test('waits for a page that takes time, for a client that has ended its half too', async () => {
      expect(await ask('GET /late HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/GET \/late$/)
      const socket = net.connect({ port: server.address.port, host: '127.0.0.1' })
      const all = readAll(socket)
      socket.end('GET /late HTTP/1.1\r\nHost: x\r\n\r\n')
      expect(await all).toMatch(/GET \/late$/)
    })

    test('a client that goes before its page is there costs nothing', async () => {
      const socket = connect()
      await new Promise((resolve) => socket.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\n', resolve))
      socket.resetAndDestroy()
      expect(await ask('GET /late HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/GET \/late$/)
    })

    test('refuses what is no request, and what is too long', async () => {
      expect(await ask('GET  / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*RFC/s)
      const long = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`
      expect(await ask(long)).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
    })

    test('ends what is open when it ends', async () => {
      const socket = connect()
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.on('error', () => {})
      await new Promise((resolve) => setTimeout(resolve, 20))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      server.close()
      await closed
    })
  },
)
