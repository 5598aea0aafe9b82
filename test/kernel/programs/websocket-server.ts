/**
 * Program of the tests: a WebSocket server that sends each message back as it came. On the text
 * `close <code> <reason>` it closes instead. Each end is printed as one line: code and reason.
 * Argument: the port.
 */
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ port: Number(process.argv[2]), maxPayload: 64 * 1024 * 1024 })

server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    const [word, code, ...reason] = isBinary ? [] : data.toString().split(' ')
    if (word === 'close') socket.close(Number(code), reason.join(' '))
    else socket.send(data, { binary: isBinary })
  })
  socket.on('close', (code, reason) => process.stdout.write(`${code} ${reason}\n`))
  socket.on('error', () => {})
})
