/**
 * Program of the soak: the clients. Arguments: host, the server's four ports, names of the kinds of
 * traffic (all if there is none). Prints every second, as
 * one line of JSON, what it has done and what went wrong; ends its connections and itself when its
 * standard input ends.
 */
import { KINDS, type Target } from '../traffic-kinds.ts'

export interface TrafficReport {
  done: Record<string, number>
  failed: number
  /** The first thing that went wrong; null if nothing has. */
  problem: string | null
}

const [host = '', http, echo, greeting, http2, ...only] = process.argv.slice(2)
const kinds = KINDS.filter(({ name }) => only.length === 0 || only.includes(name))
const target: Target = {
  host,
  http: Number(http),
  echo: Number(echo),
  greeting: Number(greeting),
  http2: Number(http2),
}
const report: TrafficReport = { done: {}, failed: 0, problem: null }
let stopping = false

process.stdin.resume().on('end', () => {
  stopping = true
})
const timer = setInterval(print, 1000)

await Promise.all(kinds.flatMap((kind) => Array.from({ length: kind.atOnce }, () => keepOn(kind))))
clearInterval(timer)
print()
process.exit(0)

async function keepOn({ name, pauseMs, start }: (typeof KINDS)[number]): Promise<void> {
  const client = start(target)
  while (!stopping) {
    try {
      await client.once()
      report.done[name] = (report.done[name] ?? 0) + 1
    } catch (error) {
      report.failed++
      report.problem ??= `${name}: ${error instanceof Error ? error.stack : String(error)}`
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  client.close?.()
}

function print(): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
