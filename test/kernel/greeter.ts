/**
 * Program of the tests: listens on ports and tells each client, in one line of JSON, who took the
 * connection, from whom, on which port, and where the kernel says that it was meant to go.
 * Arguments: who, then the ports.
 */
import { createServer } from 'node:net'
import { createOriginalDestination, loadGetSockOpt } from '../../proxy/original-destination.ts'

const [who = '', ...ports] = process.argv.slice(2)
const findOriginalDestination = createOriginalDestination(loadGetSockOpt())

for (const port of ports) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const original = findOriginalDestination(socket)
    const to =
      original.kind === 'redirected'
        ? `${original.destination.ip} ${original.destination.port}`
        : original.kind
    const from = socket.remoteAddress?.replace('::ffff:', '')
    socket.end(`${JSON.stringify({ who, from, port: socket.localPort, to })}\n`)
  })
  server.listen(Number(port), '::')
}
