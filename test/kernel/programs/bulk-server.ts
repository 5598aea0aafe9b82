/**
 * Program of the tests: gives a file away and takes files in, over HTTP and over a protocol of its
 * own. Arguments: HTTP port, TCP port, path of the file.
 *
 * HTTP: `GET /file`, `GET /small`, `PUT /sink` (the answer is the sha256 of what came).
 * TCP, by the client's first byte: `D` sends the file, then FIN; `U` reads to the FIN, then answers
 * with the sha256. `?slow` and `S` take in at `SLOW_BYTES_PER_SECOND`.
 */
import { createReadStream, statSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { sha256Of } from './slow-digest.ts'

const [httpPort, tcpPort, file = ''] = process.argv.slice(2)

createHttpServer((request, response) => {
  if (request.url === '/small') response.end('small')
  else if (request.url === '/file') {
    response.setHeader('Content-Length', statSync(file).size)
    createReadStream(file).pipe(response)
  } else void sha256Of(request, request.url === '/sink?slow').then((hex) => response.end(hex))
}).listen(Number(httpPort))

createServer({ allowHalfOpen: true }, (socket) => void serve(socket)).listen(Number(tcpPort))

async function serve(socket: Socket): Promise<void> {
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`))
  const command = await new Promise<string>((resolve) => {
    socket.once('readable', () => resolve(String(socket.read(1))))
  })
  if (command === 'D') createReadStream(file).pipe(socket)
  else socket.end(await sha256Of(socket, command === 'S'))
}
