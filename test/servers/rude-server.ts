/** A server that says what a path asks for, byte for byte, and then leaves in the way that it asks for. */
import net from 'node:net'
import type { Origin } from './origin.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

/** What is said, before the connection ends in mid-answer or right after. */
const SPEECHES = {
  length: `${OK}Content-Length: 10\r\n\r\n0123`,
  'length-none': `${OK}Content-Length: 10\r\n\r\n`,
  whole: `${OK}Content-Length: 4\r\n\r\n0123`,
  chunk: `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
  'chunk-end': `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
  'chunk-last': `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n`,
  'until-close': `${OK}\r\nas long as it lasts`,
  'old-until-close': 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nas long as it lasts',
  odd: 'HTTP/1.1 299\r\nx-ODD:  blanks \t\r\nX-Odd:\r\nSet-Cookie: a\r\nset-cookie: b\r\ncontent-length:2\r\n\r\nok',
  hints: `HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 100 \r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
} as const

const LEAVES: Readonly<Record<string, (socket: net.Socket) => void>> = {
  fin: (socket) => socket.end(),
  rst: (socket) => socket.resetAndDestroy(),
  stay: () => {},
}

/** A path for each speech and each way to leave that has a meaning: a server that stays has said all. */
export const RUDE_PATHS: readonly string[] = Object.keys(SPEECHES).flatMap((speech) => {
  const all = ['whole', 'odd', 'hints'].includes(speech)
  return ['fin', ...(all ? ['stay'] : ['rst'])].map((leave) => `/${speech}/${leave}`)
})

/** Time between a speech and what follows, ms: RST may overtake bytes, on a direct connection as well. */
const PAUSE_MS = 15

export async function startRude(): Promise<Origin> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('end', () => setTimeout(() => socket.end(), 2 * PAUSE_MS))
    let unread = ''
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1')
      const end = unread.indexOf('\r\n\r\n')
      if (end < 0) return
      const [, speech = '', leave = ''] =
        unread.split(' ')[1]?.replace('http://web.test', '').split(/[/?]/) ?? []
      unread = unread.slice(end + 4)
      socket.write(SPEECHES[speech as keyof typeof SPEECHES] ?? '')
      setTimeout(() => LEAVES[leave]?.(socket), PAUSE_MS)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
