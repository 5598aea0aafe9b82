/**
 * Program of the tests: asks for a small answer again and again over a few kept connections, until
 * standard input ends, then prints how it went as JSON. Arguments: URL, the answer that is right.
 */
import { Agent, get } from 'node:http'

/** What a run came to; times in milliseconds. */
export interface SmallRequests {
  answered: number
  /** Messages of what went wrong. */
  failures: string[]
  medianMs: number
  p99Ms: number
}

const CONNECTIONS = 4
/** Pause between two requests of a connection, so that they accompany the load and are none. */
const PAUSE_MS = 5

const [url = '', right = ''] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const times: number[] = []
const failures: string[] = []
let over = false
process.stdin.resume().on('end', () => {
  over = true
})

await Promise.all(Array.from({ length: CONNECTIONS }, askOnAndOn))
agent.destroy()
times.sort((a, b) => a - b)
const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
const report: SmallRequests = {
  answered: times.length,
  failures,
  medianMs: at(0.5),
  p99Ms: at(0.99),
}
process.stdout.write(JSON.stringify(report))

async function askOnAndOn(): Promise<void> {
  while (!over) {
    const start = performance.now()
    const answer = await ask().catch((error) => String(error))
    if (answer === right) times.push(performance.now() - start)
    else failures.push(answer)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(text)
    })
    request.on('error', reject)
  })
}
