/**
 * Program of the tests: accepts connections with the transport that its argument names, prints its port,
 * and answers any bytes with the processor time that it has taken since it listens, in ms.
 */
import { listenLocal, TRANSPORTS } from './transports.ts'

const transport = TRANSPORTS.find(({ name }) => name === process.argv[2])
if (!transport) throw new Error(`no transport ${process.argv[2]}`)

let start = process.cpuUsage()
const listening = await listenLocal(transport, ({ stream }) => {
  stream.listen({
    onData: () => {
      const { user, system } = process.cpuUsage(start)
      stream.write(Buffer.from(String(Math.round((user + system) / 1000))))
    },
    onEnd: () => stream.end(),
    onDrain: () => {},
    onClose: () => {},
  })
})
start = process.cpuUsage()
process.stdout.write(`${listening.address.port}\n`)
