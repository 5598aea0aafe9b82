/** The client of `crowd-client.ts` in a place of the lab: given tasks, one after the other. */
import { createInterface } from 'node:readline'
import { NODE_INSIDE, type Place, REPO_INSIDE, spawnIn } from '../lab.ts'
import type { CrowdOutcome } from './crowd-client.ts'

/** Does a task, as `crowd-client.ts` has them, and says how it went; rejects if the client has ended. */
export type Ask = (task: object) => Promise<CrowdOutcome>

export function startCrowd(place: Place, host: string, port: number): Ask {
  const program = `${REPO_INSIDE}/test/kernel/programs/crowd-client.ts`
  const { child, output } = spawnIn(place, [NODE_INSIDE, program, host, `${port}`])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (task) => {
    child.stdin.write(`${JSON.stringify(task)}\n`)
    const line = await lines.next()
    if (line.done) throw new Error(`the crowd in ${place.name} has ended: ${output.stderr}`)
    return JSON.parse(line.value)
  }
}
