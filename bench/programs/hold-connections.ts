/**
 * Program of the benchmarks: opens connections, has one request answered on each, says so, and holds
 * them until its standard input ends. Arguments: IP, port, value of the Host header, how many.
 */
import { connect } from 'node:net'

const [ip, port, host, count] = process.argv.slice(2)
const REQUEST = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`
/** Fewer than any listen backlog. */
const AT_ONCE = 50

let next = 0

function holdOne(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: ip as string, port: Number(port) }, () => socket.write(REQUEST))
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      answer += text
      if (!answer.includes('27 bytes\n')) return
      if (answer.startsWith('HTTP/1.1 200 ')) resolve()
      else reject(new Error(`answered: ${answer.slice(0, 200)}`))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('a connection was closed')))
  })
}

async function holdInTurn(): Promise<void> {
  while (next < Number(count)) {
    next++
    await holdOne()
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, holdInTurn))
process.stdout.write(`held ${count}\n`)
process.stdin.resume().on('end', () => process.exit(0))
