/**
 * Program of the benchmarks: how long a server's first byte takes, from the connect. Goes through the
 * sidecar, past it, and past it once more, in turn, and prints the times in milliseconds as JSON, in order.
 * Arguments: IP, port through the sidecar, port past it, how many of each.
 */
import { connect } from 'node:net'

const [ip, through, past, rounds] = process.argv.slice(2)

const WAYS = ['through', 'past', 'again'] as const
const times: Record<(typeof WAYS)[number], number[]> = { through: [], past: [], again: [] }
for (let round = 0; round < Number(rounds); round++) {
  // Which comes first takes turns, so that none is always the one that wakes the server.
  for (let at = 0; at < WAYS.length; at++) {
    const way = WAYS[(round + at) % WAYS.length] as (typeof WAYS)[number]
    times[way].push(await firstByteMs(Number(way === 'through' ? through : past)))
  }
}
process.stdout.write(`${JSON.stringify(times)}\n`)

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
    // The next one begins when this one has left nothing behind.
    socket.on('close', () => resolve(took))
  })
}
