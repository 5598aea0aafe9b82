/**
 * Program of the tests. With a port: sends each datagram back with the address of its sender, once it has
 * said `ready`. With a port, a host and a text: sends the text there and prints what comes back.
 */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'

const [port = '', host = '', text = ''] = process.argv.slice(2)

/** Everything is on this machine: an answer takes a millisecond, or as long as the machine stands still. */
const TIMEOUT_MS = 10_000

if (host === '') {
  const server = createSocket('udp6')
  server.on('message', (message, { address, port }) => {
    server.send(`${message} from ${address.replace('::ffff:', '')}`, port, address)
  })
  server.bind(Number(port), '::', () => process.stdout.write('ready\n'))
} else {
  const client = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  client.on('message', (message) => {
    process.stdout.write(`${message}\n`)
    client.close()
  })
  client.send(text, Number(port), host)
  setTimeout(() => process.exit(1), TIMEOUT_MS).unref()
}
