/**
 * Program of the tests: for each line `{"host", "port"}` on standard input, connects, waits for the
 * server's first bytes, prints how long they took from the connect on, in milliseconds, and leaves.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin })) {
  const { host, port } = JSON.parse(line)
  const start = performance.now()
  const socket = connect({ host, port })
  await once(socket, 'data')
  process.stdout.write(`${performance.now() - start}\n`)
  socket.destroy()
  await once(socket, 'close')
}
