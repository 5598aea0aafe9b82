/**
 * Program of the tests: servers that behave in one way each. Arguments: pairs of behaviour and port.
 * What a server sees of its connections is printed, one word a line. A line of standard input has the deaf
 * ones read from now on, and is answered by `READ`.
 */
import { createServer, type Socket } from 'node:net'

const ZEROS = Buffer.alloc(65_536)
/** Sockets that are not read. */
const deaf = new Set<Socket>()
const DONE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone'

const BEHAVIOURS: Record<string, (socket: Socket) => void> = {
  /** Sends without an end, as much as the client takes. */
  flood: (socket) => socket.once('data', () => pour(socket)),
  /** The same as an HTTP answer. */
  'http-flood': (socket) =>
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 ** 40}\r\n\r\n`)
      pour(socket)
    }),
  /** Reads nothing before it is told to; then it finds out, as without sidecars, that its client has gone. */
  deaf: (socket) => {
    socket.on('data', () => {}).pause()
    deaf.add(socket)
  },
  /** Goes on for a second after the client's FIN. */
  'late-talker': (socket) => {
    socket.resume().on('end', () => {
      for (let count = 1; count <= 5; count++)
        setTimeout(() => socket.write(`${count} `), count * 200)
      setTimeout(() => socket.end('end'), 1100)
    })
  },
  /** Resets in the middle of an answer. */
  resetter: (socket) =>
    socket.once('data', () => {
      socket.write('half an ans')
      setTimeout(() => socket.resetAndDestroy(), 100)
    }),
  'http-resetter': (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf an ans')
      setTimeout(() => socket.resetAndDestroy(), 100)
    }),
  /** Answers each request, and leaves the connection open. */
  'http-keep-alive': (socket) => answerEach(socket, () => {}),
  'http-close': (socket) => answerEach(socket, () => socket.end()),
  'http-idle-close': (socket) => answerEach(socket, () => setTimeout(() => socket.end(), 300)),
  /** Takes a second for an answer. */
  'http-late': (socket) => {
    socket.on('data', () => setTimeout(() => socket.write(DONE), 1000))
    socket.on('end', () => socket.end())
  },
  /** Says what it sees of the client's end. */
  watcher: (socket) => {
    socket.once('data', () => {
      process.stdout.write('SEEN\n')
      socket.write('seen ')
    })
    socket.on('end', () => {
      process.stdout.write('FIN\n')
      socket.end()
    })
  },
  /** Answers four-letter words that come without a line end. */
  zookeeper: (socket) => socket.once('data', (word) => socket.end(`${word}: imok`)),
}

const args = process.argv.slice(2)
for (let index = 0; index < args.length; index += 2) {
  const behave = BEHAVIOURS[args[index] ?? '']
  if (!behave) throw new Error(`no behaviour ${args[index]}`)
  createServer({ allowHalfOpen: true }, (socket) => {
    process.stdout.write('OPEN\n')
    socket.on('error', ({ code }: NodeJS.ErrnoException) => process.stdout.write(`${code}\n`))
    behave(socket)
  }).listen(Number(args[index + 1]))
}

process.stdin.on('data', () => {
  for (const socket of deaf) socket.resume()
  deaf.clear()
  process.stdout.write('READ\n')
})

function answerEach(socket: Socket, then: () => void): void {
  socket.on('data', () => {
    socket.write(DONE)
    then()
  })
  socket.on('end', () => socket.end())
}

function pour(socket: Socket): void {
  while (!socket.destroyed && socket.write(ZEROS)) {}
  if (!socket.destroyed) socket.once('drain', () => pour(socket))
}
