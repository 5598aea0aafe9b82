/**
 * What one HTTP/1 exchange costs without sockets: the engine, the real decision, the real recorder,
 * queue and sender, between streams in memory. Prints CPU time per exchange, collector included.
 *
 * `node bench/engine.ts [--only <word>] [--exchanges <n>] [--rounds <n>]`
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type EngineCase, engineCases, TABLE_SIZES } from './engine-cases.ts'
import { type EngineWorld, startEngineWorld } from './engine-world.ts'

/** Exchanges between two turns of the event loop; about what one poll brings under load. */
const EXCHANGES_A_TURN = 64

/** Exchanges before it counts, so that everything is compiled. */
const WARM_UP = 30_000

interface Row {
  name: string
  tracing: boolean
  services: number
  exchange: EngineCase
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    exchanges: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    /** Measures the row of this name in this process, and prints microseconds. */
    row: { type: 'string' },
  },
})

function rows(): Row[] {
  const all: Row[] = []
  for (const exchange of engineCases()) {
    for (const services of exchange.name === 'small GET' ? TABLE_SIZES : [1000]) {
      for (const tracing of [true, false]) {
        const name = `${exchange.name}, ${services} services, tracing ${tracing ? 'on' : 'off'}`
        all.push({ name, tracing, services, exchange })
      }
    }
  }
  return all
}

/** Each row has a process of its own in each round, so that no row's garbage or traces cost another. */
function compare(): void {
  const chosen = rows().filter(({ name }) => name.includes(values.only))
  const costs = new Map<string, number[]>(chosen.map(({ name }) => [name, []]))
  const script = fileURLToPath(import.meta.url)
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name } of chosen) {
      const args = [script, '--row', name, '--exchanges', values.exchanges]
      const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
      costs.get(name)?.push(Number(printed))
    }
  }
  for (const [name, measured] of costs) {
    const sorted = measured.toSorted((a, b) => a - b)
    const median = sorted[sorted.length >> 1] ?? 0
    console.log(`${name.padEnd(44)} ${median.toFixed(2)} µs  (least ${sorted[0]?.toFixed(2)})`)
  }
}

async function measure(row: Row): Promise<void> {
  const world = await startEngineWorld(row)
  await run(world, row.exchange, WARM_UP)
  console.log(await run(world, row.exchange, Number(values.exchanges)))
  await world.close()
}

/** CPU time per exchange in microseconds. */
async function run(world: EngineWorld, exchange: EngineCase, count: number): Promise<number> {
  const before = process.cpuUsage()
  for (let done = 0; done < count; done += EXCHANGES_A_TURN) {
    for (let i = 0; i < EXCHANGES_A_TURN; i++) world.exchange(exchange, i)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const row = rows().find(({ name }) => name === values.row)
if (row === undefined) compare()
else await measure(row)
