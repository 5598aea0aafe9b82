/** A program: carries exchanges until their code is compiled, then has V8 collect as a proxy at rest does. */
import { engineCases } from '../../bench/engine-cases.ts'
import { startEngineWorld } from '../../bench/engine-world.ts'
import { createGiveBack } from '../../proxy/idle-memory.ts'

/** With the compiler in the same thread, as the test has it, the whole path is compiled after half of them. */
const EXCHANGES = 40_000

const world = await startEngineWorld({ services: 10, tracing: true })
const [get] = engineCases()
if (get === undefined) throw new Error('the benchmark has no exchange to offer')
for (let i = 0; i < EXCHANGES; i++) {
  world.exchange(get, i % 8)
  if (i % 64 === 0) await new Promise<void>((resolve) => setImmediate(resolve))
}
await world.close()
console.log('== rest')
createGiveBack(globalThis.gc, null)?.()
console.log('== end')
