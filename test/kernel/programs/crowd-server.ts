/**
 * Program of the tests: answers what `crowd-client.ts` says, with as little work and memory as can be.
 * A request gets `crowd!`, and the end of the connection if it asks for it; a line is echoed. Argument: the port.
 */
import { createServer } from 'node:net'

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncrowd!')

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  // Each request comes whole: it is one small write of the client.
  socket.on('data', (data) => {
    if (data[0] === '*'.charCodeAt(0)) socket.write(data)
    else if (data.includes('Connection: close')) socket.end(ANSWER)
    else socket.write(ANSWER)
  })
}).listen({ port: Number(process.argv[2]), backlog: 4096 })
