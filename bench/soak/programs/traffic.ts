/**
 * Program of the soak: the clients. Arguments: host, the server's five ports, names of the kinds of
 * traffic (all if there is none). Prints every second, as
 * one line of JSON, what it has done and what went wrong; ends its connections and itself when its
 * standard input ends.
 */
import type { Target } from '../kind.ts'
import { KINDS } from '../traffic-kinds.ts'

export interface TrafficReport {
  done: Record<string, number>
  /** Connections that were opened and closed. */
  connections: number
  failed: number
  /** The first thing that went wrong; null if nothing has. */
  problem: string | null
}

const [host = '', http, echo, greeting, http2, grpc, ...only] = process.argv.slice(2)
const kinds = KINDS.filter(({ name }) => only.length === 0 || only.includes(name))
const target: Target = {
  host,
  http: Number(http),
  echo: Number(echo),
  greeting: Number(greeting),
  http2: Number(http2),
  grpc: Number(grpc),
}
const report: TrafficReport = { done: {}, connections: 0, failed: 0, problem: null }
let stopping = false

process.stdin.resume().on('end', () => {
  stopping = true
})
const timer = setInterval(print, 1000)

await Promise.all(kinds.flatMap((kind) => Array.from({ length: kind.atOnce }, () => keepOn(kind))))
clearInterval(timer)
print()
process.exit(0)

async function keepOn({ name, pauseMs, isKept, start }: (typeof KINDS)[number]): Promise<void> {
  const client = start(target)
  while (!stopping) {
    try {
      await client.once()
      report.done[name] = (report.done[name] ?? 0) + 1
      if (!isKept) report.connections++
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
