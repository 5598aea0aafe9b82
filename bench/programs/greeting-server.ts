/** Program of the benchmarks: a server that speaks first, at once. Arguments: its ports. */
import { createServer } from 'node:net'

for (const port of process.argv.slice(2)) {
  createServer({ noDelay: true }, (socket) => {
    socket.write('220 ready\r\n')
    socket.on('data', () => {})
    socket.on('error', () => {})
  }).listen(Number(port))
}
