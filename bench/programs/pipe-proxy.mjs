/**
 * Program of the benchmarks: `net.pipe` both ways. Plain JavaScript, so that stripping types does not count against it.
 * Arguments: the port, the upstream's IP and port.
 */
import { connect, createServer } from 'node:net'

const [port, ip, upstreamPort] = process.argv.slice(2)

createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({
    host: ip,
    port: Number(upstreamPort),
    allowHalfOpen: true,
    noDelay: true,
  })
  client.pipe(upstream)
  upstream.pipe(client)
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
}).listen(Number(port))
