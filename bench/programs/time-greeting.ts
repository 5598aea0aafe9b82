/**
 * Program of the benchmarks: how long a server's first byte takes, from the connect. Goes through the
 * sidecar and past it in turn, and prints what the way through took longer, in milliseconds, as a
 * JSON array in order. Arguments: IP, port through the sidecar, port past it, how many pairs.
 */
import { connect } from 'node:net'

const [ip, through, past, pairs] = process.argv.slice(2)

const added: number[] = []
for (let pair = 0; pair < Number(pairs); pair++) {
  // Which comes first takes turns, so that neither is always the one that wakes the server.
  const ports = pair % 2 === 0 ? [through, past] : [past, through]
  const times = [await firstByteMs(Number(ports[0])), await firstByteMs(Number(ports[1]))]
  const [first = 0, second = 0] = times
  added.push(pair % 2 === 0 ? first - second : second - first)
}
process.stdout.write(`${JSON.stringify(added)}\n`)

function firstByteMs(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const socket = connect({ host: ip as string, port })
    let took = Number.NaN
    socket.once('data', () => {
      took = performance.now() - started
      socket.end()
    })
    socket.on('error', reject)
    // The next pair begins when this one has left nothing behind.
    socket.on('close', () => resolve(took))
  })
}
