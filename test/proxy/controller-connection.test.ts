import http, { type RequestListener } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createAskAdmitted, createAskOverStreams } from '../../proxy/controller-connection.ts'
import { type AskController, controllerTarget } from '../../proxy/controller-endpoint.ts'
import { createTrustDial } from '../../proxy/controller-tls.ts'
import type { Resolve } from '../../proxy/dns-fallback.ts'
import type { Transport } from '../../proxy/transport.ts'
import { eventually } from './fake-controller.ts'
import { authority, leaf, type TlsFront, tlsFront } from './tls-fixture.ts'
import { TRANSPORTS } from './transports.ts'
import { pauseForSockets, undisturbed } from './undisturbed.ts'

type Client = (url: string, resolve?: Resolve) => AskController

const unresolved: Resolve = () => Promise.reject(new Error('getaddrinfo ENOTFOUND'))

const CLIENTS: [string, Client][] = [
  ...TRANSPORTS.map((transport): [string, Client] => [
    transport.name,
    (url, resolve = unresolved) =>
      createAskOverStreams(controllerTarget(url, 'cluster.local'), {
        dial: (target) => transport.dial(target),
        resolve,
      }),
  ]),
  ...TRANSPORTS.map((transport): [string, Client] => [
    `tls over ${transport.name}`,
    (url, resolve) => overTls(url, resolve, transport),
  ]),
]

const fronts = new Map<string, TlsFront>()

/** With TLS before each server of the test's that there is. */
function overTls(url: string, resolve: Resolve | undefined, transport: Transport): AskController {
  const target = controllerTarget(url, 'cluster.local')
  const trust = createTrustDial({
    name: 'controller.test',
    dial: (address) => transport.dial(address),
  })
  return createAskAdmitted(target, resolve ?? unresolved, async () => {
    const ca = await testAuthority
    const port = target.port < 1024 ? target.port : (await frontOf(url, target.port)).port
    return { fields: {}, dial: ({ ip }) => trust(ca.cert)({ ip, port }) }
  })
}

const testAuthority = authority()

async function frontOf(url: string, port: number): Promise<TlsFront> {
  const known = fronts.get(url)
  if (known) return known
  const made = await tlsFront(await leaf(await testAuthority, ['controller.test']), port)
  fronts.set(url, made)
  return made
}

const servers: net.Server[] = []
afterEach(async () => {
  for (const front of fronts.values()) await front.close()
  fronts.clear()
  for (const server of servers.splice(0)) {
    if (server instanceof http.Server) server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen<T extends net.Server>(server: T, host = '127.0.0.1', port = 0) {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

const serve = (onRequest: RequestListener) => listen(http.createServer(onRequest))

/** Answers every connection with these bytes, then FIN. */
const say = (bytes: string) =>
  listen(
    net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(bytes))
    }),
  )

interface Heard {
  status: number
  body: string
  /** `end`, or what failed. */
  end: string
}

function ask(client: AskController, body?: string, silenceMs = 5000): Promise<Heard> {
  return new Promise((resolve) => {
    const heard = { status: 0, body: '' }
    const chunks: Buffer[] = []
    const request = { path: '/v1/x?y=1', headers: { 'x-own': 'z' }, silenceMs }
    client(
      body === undefined ? { ...request, method: 'GET' } : { ...request, method: 'POST', body },
      {
        onStatus: (status) => {
          heard.status = status
        },
        onData: (bytes) => {
          chunks.push(bytes)
          heard.body = Buffer.concat(chunks).toString()
        },
        onEnd: () => resolve({ ...heard, end: 'end' }),
        onFail: (problem) => resolve({ ...heard, end: problem }),
      },
    )
  })
}

describe.each(CLIENTS)('the controller, asked by %s', (_, client) => {
  test('hears path, host, fields and body, and its answer is heard', async () => {
    const url = await serve((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text) => {
        body += text
      })
      request.on('end', () => {
        const { method, url: path, headers } = request
        response.end(
          JSON.stringify({ method, path, own: headers['x-own'], host: headers.host, body }),
        )
      })
    })
    const asked = client(`${url}/prefix`)
    const host = new URL(url).host
    const said = { path: '/prefix/v1/x?y=1', own: 'z', host }
    expect(JSON.parse((await ask(asked)).body)).toEqual({ ...said, method: 'GET', body: '' })
    const sent = 'grün '.repeat(50_000)
    const posted = await ask(asked, sent)
    expect(posted).toMatchObject({ status: 200, end: 'end' })
    expect(JSON.parse(posted.body)).toMatchObject({ ...said, method: 'POST' })
    expect(JSON.parse(posted.body).body === sent).toBe(true)
  })

  test.each([
    ['by length', 'Content-Length: 2\r\n\r\nhi'],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n'],
    ['until its end', '\r\nhi'],
  ])('may answer %s, after an interim answer', async (_name, rest) => {
    const url = await say(
      `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\n${rest}`,
    )
    expect(await ask(client(url))).toEqual({ status: 404, body: 'hi', end: 'end' })
  })

  test.each([
    ['nothing', '', 0, ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte', 0, ''],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi', 200, 'hi'],
    ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi', 200, 'hi'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 0, ''],
  ])('that says %s has not answered', async (_name, bytes, status, body) => {
    const heard = await ask(client(await say(bytes)))
    expect(heard).toMatchObject({ status, body })
    expect(heard.end).not.toBe('end')
  })

  test('that refuses the connection is told by its errno', async () => {
    expect((await ask(client('http://127.0.0.1:1'))).end).toContain('ECONNREFUSED')
  })

  test('that falls silent is given up, and not before', async () => {
    const url = await serve((_request, response) => {
      response.write('a')
      const timer = setInterval(() => response.write('a'), 50)
      setTimeout(() => clearInterval(timer), 400)
      response.on('close', () => clearInterval(timer))
    })
    await undisturbed(150, async () => {
      const heard = await ask(client(url), undefined, 300)
      expect(heard.body.length).toBeGreaterThan(4)
      expect(heard.end).toContain('nothing came for 300 ms')
    })
  })

  test('that is not wanted any more is not heard', async () => {
    let closed = false
    const url = await serve((request, response) => {
      request.socket.on('close', () => {
        closed = true
      })
      response.write('a')
      setInterval(() => response.write('a'), 5).unref()
    })
    const heard: string[] = []
    await new Promise<void>((resolve) => {
      const note = (what: string) => () => heard.push(what)
      const asked = client(url)(
        { method: 'GET', path: '/', headers: {}, silenceMs: 1000 },
        {
          onStatus: note('status'),
          onData: () => {
            heard.push('data')
            asked.abort()
            setTimeout(resolve, 50)
          },
          onEnd: note('end'),
          onFail: note('fail'),
        },
      )
    })
    await eventually('the end of the connection', () => closed)
    expect(heard).toEqual(['status', 'data'])
  })
})

describe.each(CLIENTS.slice(0, 2))('a connection to the controller by %s', (_, client) => {
  /** Counts connections; `Connection: close` in every answer if asked for. */
  async function counting(close = false) {
    const counted = { connections: 0, cut: () => {} }
    const server = http.createServer((request, response) => {
      request.resume()
      if (close) response.setHeader('connection', 'close')
      response.end('x')
    })
    server.on('connection', () => counted.connections++)
    counted.cut = () => server.closeAllConnections()
    return { url: await listen(server), counted }
  }

  test('serves one request after the other, and two at once have one each', async () => {
    const { url, counted } = await counting()
    const asked = client(url)
    for (let i = 0; i < 3; i++) expect((await ask(asked, 'body')).end).toBe('end')
    expect(counted.connections).toBe(1)
    await Promise.all([ask(asked, 'a'), ask(asked, 'b')])
    expect(counted.connections).toBe(2)
    await ask(asked, 'c')
    expect(counted.connections).toBe(2)
  })

  test('is not used again where the controller says so, nor after it has ended', async () => {
    const closing = await counting(true)
    const first = client(closing.url)
    for (let i = 0; i < 2; i++) expect((await ask(first)).end).toBe('end')
    expect(closing.counted.connections).toBe(2)

    const { url, counted } = await counting()
    const second = client(url)
    await ask(second)
    counted.cut()
    await pauseForSockets(50)
    expect((await ask(second)).end).toBe('end')
    expect(counted.connections).toBe(2)
  })

  test('goes to another address of the name if one refuses', async () => {
    const url = await listen(
      http.createServer((_request, response) => response.end('here')),
      '127.0.0.3',
    )
    const names: string[] = []
    const resolve: Resolve = async (name, family) => {
      names.push(`${name} ${family}`)
      return family === 4 ? ['127.0.0.2', '127.0.0.3'] : []
    }
    const { port } = new URL(url)
    const asked = client(`http://azds-controller.azds:${port}`, resolve)
    expect(await ask(asked)).toEqual({ status: 200, body: 'here', end: 'end' })
    const name = 'azds-controller.azds.svc.cluster.local.'
    expect(names).toEqual([`${name} 4`, `${name} 6`])
  })

  test('a name that nobody knows is told', async () => {
    expect((await ask(client('http://nobody.test'))).end).toContain('ENOTFOUND')
    const nothing = client('http://nobody.test', async () => [])
    expect((await ask(nothing)).end).toBe('nobody.test has no address')
  })
})
