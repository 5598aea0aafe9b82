/**
 * The end of a proxy's life. Kubernetes tells the endpoints' users and the pod at the same time, so
 * that new connections still come after SIGTERM, and the app may need the network to finish.
 */
import type { Connections } from './connections.ts'

export interface DrainOptions {
  connections: Connections
  /** How many sockets the app has; see `app-presence.ts`. */
  appSockets: () => Promise<number>
  /** How long all must be quiet, in milliseconds. */
  quietMs: number
  /** Longest time in all, in milliseconds. */
  deadlineMs: number
  /** Milliseconds, never going back. */
  now: () => number
}

/** How often the state is looked at, in ms: finer than the shortest useful quiet time. */
const POLL_MS = 50

/**
 * Waits until nothing is in flight and the app is gone, for `quietMs` without a break.
 * @returns what was reached: `quiet`, or `deadline` with something still open
 */
export async function waitUntilQuiet(options: DrainOptions): Promise<'quiet' | 'deadline'> {
  const { connections, appSockets, quietMs, deadlineMs, now } = options
  const start = now()
  let quietSince: number | null = null
  while (now() - start < deadlineMs) {
    const idle = connections.busy === 0 && (await appSockets()) === 0
    if (!idle) quietSince = null
    else quietSince ??= now()
    if (quietSince !== null && now() - quietSince >= quietMs) return 'quiet'
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return 'deadline'
}
