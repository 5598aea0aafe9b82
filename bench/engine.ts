/**
 * What one HTTP/1 exchange costs without sockets: the engine, the real decision, the real recorder,
 * queue and sender, between streams in memory. Prints CPU time per exchange, collector included.
 *
 * `node bench/engine.ts [--only <word>] [--exchanges <n>] [--rounds <n>]`
 */
import { parseArgs } from 'node:util'
import { type EngineCase, engineCases, TABLE_SIZES } from './engine-cases.ts'
import { type EngineWorld, startEngineWorld } from './engine-world.ts'

/** Exchanges between two turns of the event loop; about what one poll brings under load. */
const EXCHANGES_A_TURN = 64

interface Row {
  name: string
  tracing: boolean
  services: number
  /** Microseconds of CPU per exchange, one a round. */
  costs: number[]
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    exchanges: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
  },
})

async function main(): Promise<void> {
  const exchanges = Number(values.exchanges)
  const rows: { row: Row; world: EngineWorld; exchange: EngineCase }[] = []
  for (const exchange of engineCases()) {
    const sizes = exchange.name === 'small GET' ? TABLE_SIZES : [1000]
    for (const services of sizes) {
      for (const tracing of [true, false]) {
        const name = `${exchange.name}, ${services} services, tracing ${tracing ? 'on' : 'off'}`
        if (!name.includes(values.only)) continue
        const world = await startEngineWorld({ services, tracing })
        rows.push({ row: { name, tracing, services, costs: [] }, world, exchange })
      }
    }
  }
  for (const { world, exchange } of rows) await run(world, exchange, exchanges / 5)
  for (let round = 0; round < Number(values.rounds); round++) {
    // Alternating, so that a slow phase of the machine meets all rows.
    for (const { row, world, exchange } of rows) {
      row.costs.push(await run(world, exchange, exchanges))
    }
  }
  for (const { row } of rows) {
    const sorted = row.costs.toSorted((a, b) => a - b)
    const [least = 0] = sorted
    const median = sorted[sorted.length >> 1] ?? 0
    console.log(`${row.name.padEnd(44)} ${median.toFixed(2)} µs  (least ${least.toFixed(2)})`)
  }
  for (const { world } of rows) await world.close()
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

await main()
