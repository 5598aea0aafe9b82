/**
 * Program of the tests: listens on ports and tells each client, in one line of JSON, who took the
 * connection, from whom, on which port, and where the kernel says that it was meant to go.
 * Arguments: who, then the ports.
 */
import { createServer } from 'node:net'
import { descriptorOf } from '../../proxy/descriptor.ts'
import { loadGetSockOpt } from '../../proxy/getsockopt.ts'
import { createOriginalDestination } from '../../proxy/original-destination.ts'
import { plainIp } from '../../proxy/transport.ts'

const [who = '', ...ports] = process.argv.slice(2)
const findOriginalDestination = createOriginalDestination(loadGetSockOpt())

for (const port of ports) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const client = { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    const original = findOriginalDestination(descriptorOf(socket), client)
    const to =
      original.kind === 'redirected'
        ? `${original.destination.ip} ${original.destination.port}`
        : original.kind
    const from = socket.remoteAddress?.replace('::ffff:', '')
    socket.end(`${JSON.stringify({ who, from, port: socket.localPort, to })}\n`)
  })
  server.listen(Number(port), '::')
}
