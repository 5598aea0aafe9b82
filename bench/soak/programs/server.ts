/**
 * Program of the soak: the app behind the sidecar. Arguments: ports of HTTP/1 with WebSocket, of an echo over plain
 * TCP, of a server that speaks first, and of HTTP/2 in clear text.
 */
import { createServer as createHttp } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import { createServer as createTcp } from 'node:net'
import { WebSocketServer } from 'ws'

const [httpPort, echoPort, greetingPort, http2Port] = process.argv.slice(2).map(Number)
const LARGE = Buffer.alloc(256 * 1024, 'large ')

const http = createHttp((request, response) => {
  if (request.url === '/large') {
    // Chunked, in pieces.
    for (let at = 0; at < LARGE.length; at += 32_768)
      response.write(LARGE.subarray(at, at + 32_768))
    response.end()
    return
  }
  let bytes = 0
  request.on('data', (chunk) => {
    bytes += chunk.length
  })
  request.on('error', () => {})
  request.on('end', () => response.end(`${request.method} ${request.url} ${bytes}`))
})
http.keepAliveTimeout = 0
http.requestTimeout = 0
http.on('clientError', (_, socket) => socket.destroy())
http.listen(httpPort)

new WebSocketServer({ server: http }).on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }))
  socket.on('error', () => {})
})

createTcp({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
}).listen(echoPort)

createTcp((socket) => {
  socket.on('error', () => {})
  socket.write('220 ready\r\n')
  socket.once('data', () => socket.end('221 bye\r\n'))
}).listen(greetingPort)

createHttp2()
  .on('stream', (stream, headers) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    stream.end(`h2 ${headers[':path']}`)
  })
  .on('sessionError', () => {})
  .listen(http2Port)
