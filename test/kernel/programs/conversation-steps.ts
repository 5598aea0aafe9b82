/** Conversations over a plain TCP connection from a place of the lab, step by step. */
import { NODE_INSIDE, type Place, REPO_INSIDE, runOk } from '../lab.ts'

/** What the client does next; `until` and `untilEnd` wait for the server. */
export type Step =
  | { send: string }
  | { pauseMs: number }
  /** Reads nothing from now on. */
  | { hold: true }
  /** Sends as much as goes in that time. */
  | { floodMs: number }
  | { until: string }
  | { untilEnd: true }
  /** Sends FIN and goes on reading. */
  | { finish: true }
  /** Ends the connection with RST. */
  | { reset: true }

export interface Planned {
  host: string
  port: number
  steps: readonly Step[]
}

/** What the client has seen in the end. */
export interface Conversation {
  received: string
  /** The server's FIN has come. */
  ended: boolean
  /** Code of the error that ended the connection; null if none did. */
  error: string | null
  /** From the connect to the end, in milliseconds. */
  ms: number
}

/** The uid as which conversations run. */
const UID = 1001

/** Runs the steps in a process of the place; an error of the connection ends them. */
export async function converse(
  place: Place,
  server: { host: string; port: number },
  steps: readonly Step[],
): Promise<Conversation> {
  const [seen] = await converseAll(place, [{ ...server, steps }])
  return seen as Conversation
}

/** The same with many connections at once, in one process. */
export async function converseAll(
  place: Place,
  planned: readonly Planned[],
): Promise<Conversation[]> {
  const program = `${REPO_INSIDE}/test/kernel/programs/conversation-client.ts`
  const argv = [NODE_INSIDE, program, JSON.stringify(planned)]
  return JSON.parse(await runOk(place, argv, { uid: UID }))
}
