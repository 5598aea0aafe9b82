import net from 'node:net'
import tls from 'node:tls'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { MAX_CLIENT_HELLO, readClientHello } from '../../proxy/tls-client-hello.ts'

/** What OpenSSL sends to begin with, up to the end of its first record. */
async function realHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const client = tls.connect({ ...options, port, host: '127.0.0.1', rejectUnauthorized: false })
  client.on('error', () => {})
  try {
    return await new Promise((resolve) => {
      server.once('connection', (socket) => {
        let all = Buffer.alloc(0)
        socket.on('error', () => {})
        socket.on('data', (chunk) => {
          all = Buffer.concat([all, chunk])
          if (all.length >= 5 && all.length >= 5 + all.readUInt16BE(3)) {
            resolve(all)
            socket.destroy()
          }
        })
      })
    })
  } finally {
    client.destroy()
    server.close()
  }
}

test.each([
  ['a name', { servername: 'Orders.Example.test' }, 'orders.example.test'],
  ['no name', {}, null],
  ['TLS 1.2', { servername: 'a.test', maxVersion: 'TLSv1.2' as const }, 'a.test'],
])(
  'a ClientHello of OpenSSL with %s is read, and not before its last byte',
  async (_, options, sni) => {
    const hello = await realHello(options)
    expect(readClientHello(hello)).toEqual({ state: 'done', sni })
    for (let length = 0; length < hello.length; length++) {
      expect(readClientHello(hello.subarray(0, length))).toEqual({ state: 'need-more' })
    }
  },
)

const NO_NAME_HELLO = [3, 3, ...Array(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0]

function handshake(body: number[]): number[] {
  return [1, 0, body.length >> 8, body.length & 255, ...body]
}

function record(payload: number[]): number[] {
  return [22, 3, 1, payload.length >> 8, payload.length & 255, ...payload]
}

function sniExtension(name: string, type = 0): number[] {
  const bytes = [...Buffer.from(name, 'latin1')]
  const entry = [type, bytes.length >> 8, bytes.length & 255, ...bytes]
  const list = [entry.length >> 8, entry.length & 255, ...entry]
  return [0, 0, list.length >> 8, list.length & 255, ...list]
}

function helloWith(extensions: number[]): number[] {
  return handshake([
    ...NO_NAME_HELLO,
    extensions.length >> 8,
    extensions.length & 255,
    ...extensions,
  ])
}

test('a message that is split over several records is read as one', () => {
  const message = helloWith(sniExtension('split.test'))
  const split = [
    ...record(message.slice(0, 3)),
    ...record(message.slice(3, 60)),
    ...record(message.slice(60)),
  ]
  expect(readClientHello(Buffer.from(split))).toEqual({ state: 'done', sni: 'split.test' })
})

test('a hello without any extensions has no name', () => {
  expect(readClientHello(Buffer.from(record(handshake(NO_NAME_HELLO))))).toEqual({
    state: 'done',
    sni: null,
  })
})

test('the name is found behind other extensions', () => {
  const message = helloWith([0xff, 1, 0, 1, 0, ...sniExtension('b.test')])
  expect(readClientHello(Buffer.from(record(message)))).toEqual({ state: 'done', sni: 'b.test' })
})

test.each([
  ['a control character', 'a\n.test'],
  ['a byte above ASCII', 'b\xfccher.test'],
  ['nothing', ''],
])('a name with %s is not recorded', (_, name) => {
  const hello = readClientHello(Buffer.from(record(helloWith(sniExtension(name)))))
  expect(hello).toEqual({ state: 'done', sni: null })
})

test('a name of another type than host name is none', () => {
  const hello = readClientHello(Buffer.from(record(helloWith(sniExtension('a.test', 9)))))
  expect(hello).toEqual({ state: 'done', sni: null })
})

test.each([
  ['another handshake message', record([2, 0, 0, 1, 0])],
  ['application data', [23, 3, 3, 0, 1, 0]],
  ['an empty record', [22, 3, 1, 0, 0]],
  ['a message longer than anyone sends', record([1, 0, 0xff, 0xff, 0])],
  ['fields beyond the end of the message', record(handshake([3, 3, ...Array(32).fill(7), 200]))],
  ['extensions beyond the end', record(handshake([...NO_NAME_HELLO, 0, 9, 0, 0]))],
  ['an extension beyond its list', record(helloWith([0, 0, 0, 50, 1]))],
])('%s is no hello', (_, bytes) => {
  expect(readClientHello(Buffer.from(bytes))).toEqual({ state: 'no-hello' })
})

test('a hello is read from as many records as anyone makes of it, and given up in more', () => {
  const name = `${'a'.repeat(60)}.test`
  const message = record(helloWith(sniExtension(name))).slice(5)
  const inRecords = (count: number) => {
    const size = Math.ceil(message.length / count)
    const starts = Array.from({ length: Math.ceil(message.length / size) }, (_, i) => i * size)
    return Buffer.from(
      starts.flatMap((at) => [
        22,
        3,
        1,
        0,
        message.slice(at, at + size).length,
        ...message.slice(at, at + size),
      ]),
    )
  }
  expect(readClientHello(inRecords(30))).toEqual({ state: 'done', sni: name })
  expect(readClientHello(inRecords(message.length))).toEqual({ state: 'no-hello' })
})

test('a hello that never ends is given up', () => {
  const endless = Buffer.from(
    Array(5000)
      .fill(record([1]))
      .flat()
      .concat(record(Array(9).fill(1))),
  )
  expect(readClientHello(Buffer.concat(Array(8).fill(endless))).state).toBe('no-hello')
  expect(MAX_CLIENT_HELLO).toBeLessThan(endless.length * 8)
})

test('no bytes whatever make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(60), (noise, at) => {
      const hello = Buffer.from(record(helloWith(sniExtension('fuzz.test'))))
      hello.set(noise.subarray(0, Math.max(0, hello.length - at)), at)
      expect(['done', 'need-more', 'no-hello']).toContain(readClientHello(hello).state)
      expect(['need-more', 'no-hello', 'done']).toContain(readClientHello(Buffer.from(noise)).state)
    }),
  )
})
