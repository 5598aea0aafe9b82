/** Greeters and dialers in places of the lab: who answers when somebody connects? */
import { createInterface } from 'node:readline'
import {
  type LabProcess,
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  spawnIn,
  waitForPort,
} from './lab.ts'

/** What a greeter says of a connection, or why there was none. */
export interface Greeting {
  /** Name of the greeter that took the connection. */
  who?: string
  /** The address that the greeter sees of its client. */
  from?: string
  /** The port on which it arrived. */
  port?: number
  /** `<ip> <port>` of SO_ORIGINAL_DST, or `direct`. */
  to?: string
  error?: string
}

export interface Dialer {
  /** @param from local address to bind to */
  dial(host: string, port: number, from?: string): Promise<Greeting>
}

/** Starts a greeter and waits for its ports. */
export async function startGreeter(
  place: Place,
  who: string,
  options: { uid: number; ports: readonly number[] },
): Promise<LabProcess> {
  const program = `${REPO_INSIDE}/test/kernel/greeter.ts`
  const server = spawnIn(place, [NODE_INSIDE, program, who, ...options.ports.map(String)], options)
  for (const port of options.ports) await waitForPort(place, port, { server })
  return server
}

/** Starts a program that connects as `uid` from `place`, as often as asked. */
export function startDialer(place: Place, uid: number): Dialer {
  const { child, output } = spawnIn(place, [NODE_INSIDE, `${REPO_INSIDE}/test/kernel/dialer.ts`], {
    uid,
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const dial = async (host: string, port: number, from?: string): Promise<Greeting> => {
    child.stdin.write(`${JSON.stringify({ host, port, from })}\n`)
    const line = await lines.next()
    if (line.done) throw new Error(`the dialer in ${place.name} has ended: ${output.stderr}`)
    return JSON.parse(line.value)
  }
  return { dial }
}
