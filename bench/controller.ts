/** The stand-in for the controller, as a process on the lab's node: asked by TLS and with a token, as in a cluster. */
import { createAuthority, createLeaf } from '../core/authority/certificate.ts'
import type { FeedMessage } from '../core/routing-feed.ts'
import {
  type LabProcess,
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  spawnIn,
  waitForPort,
} from '../test/kernel/lab.ts'
import { inTheGaps, pinned } from './cores.ts'
import type { TraceCount } from './programs/controller.ts'

export interface Controller {
  url: string
  /** Certificate of the authority that has signed its own, PEM. */
  authority: string
  /** Gives a pod its routing table; an empty name stands for every gateway. */
  publish(pod: string, message: FeedMessage): void
  /** What has come of a pod's traces so far. */
  countTraces(pod: string): Promise<TraceCount>
}

const PORT = 8080
/** A run takes less than an hour; a measured machine does not sleep. */
const LIFE_MS = 24 * 3_600_000
/** Answers take about 1 ms; this is for a stand-in that has died. */
const ANSWER_TIMEOUT_MS = 5000

export async function startController(node: Place): Promise<Controller> {
  // Each batch of records takes it 1 to 2 ms, in which client and backend would wait for it, of our contestants' alone.
  const program = [NODE_INSIDE, `${REPO_INSIDE}/bench/programs/controller.ts`, `${PORT}`]
  const argv = pinned('load', inTheGaps(program))
  const server = spawnIn(node, argv)
  const say = (line: object) => server.child.stdin.write(`${JSON.stringify(line)}\n`)
  const now = new Date()
  const authority = await createAuthority({ subject: 'azds-controller', lifeMs: LIFE_MS, now })
  say({ show: await createLeaf(authority, { names: [node.ipv4], lifeMs: LIFE_MS, now }) })
  await waitForPort(node, PORT, { server })
  return {
    url: `https://${node.ipv4}:${PORT}`,
    authority: authority.cert,
    publish: (pod, message) => say({ pod, message }),
    countTraces: (pod) => {
      const answer = nextLine(server)
      say({ count: pod })
      return answer.then((line) => JSON.parse(line) as TraceCount)
    },
  }
}

function nextLine({ child, output }: LabProcess): Promise<string> {
  const before = output.stdout.length
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      child.stdout.off('data', look)
    }
    const look = () => {
      const end = output.stdout.indexOf('\n', before)
      if (end < 0) return
      stop()
      resolve(output.stdout.slice(before, end))
    }
    const timer = setTimeout(() => {
      stop()
      reject(new Error(`the stand-in for the controller does not answer: ${output.stderr}`))
    }, ANSWER_TIMEOUT_MS)
    child.stdout.on('data', look)
  })
}
