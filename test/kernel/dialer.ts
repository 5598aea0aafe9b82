/**
 * Program of the tests: for each line `{"host", "port", "from"?}` on standard input, connects,
 * reads to the end, and prints one line: what was read, or `{"error"}`.
 */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** Everything is on this machine: an answer takes a millisecond, or as long as the machine stands still. */
const TIMEOUT_MS = 10_000

for await (const line of createInterface({ input: process.stdin })) {
  const { host, port, from } = JSON.parse(line)
  process.stdout.write(`${await dial(host, port, from)}\n`)
}

function dial(host: string, port: number, from?: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host, port, ...(from && { localAddress: from }) })
    const fail = (error: string) => {
      socket.destroy()
      resolve(JSON.stringify({ error }))
    }
    socket.setTimeout(TIMEOUT_MS, () => fail('timeout'))
    socket.on('error', (cause: NodeJS.ErrnoException) => fail(cause.code ?? cause.message))
    socket.on('data', (data) => {
      answer += data
    })
    socket.on('end', () => resolve(answer.trim()))
  })
}
