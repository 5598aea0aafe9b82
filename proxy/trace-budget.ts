/**
 * How much of the processor the making and sending of records may take, so that tracing never slows
 * traffic: half of what traffic leaves free, and where it leaves nothing a small share.
 */

/**
 * Share of a core that records get from a process whose every moment is taken, as a fraction. 2 % are some
 * 2000 records a second; what does not fit is dropped and counted.
 */
const LEAST_SHARE = 0.02

/** Share of the idle time that records may fill. */
const SHARE_OF_IDLE = 0.5

export interface TraceBudgetOptions {
  /** How much of the time since it was last asked the process was busy, 0 to 1. */
  busy: () => number
}

export class TraceBudget {
  readonly #busy: () => number
  #owed = 0

  constructor({ busy }: TraceBudgetOptions) {
    this.#busy = busy
  }

  /** Takes note of work that was done, in milliseconds. */
  spend(ms: number): void {
    this.#owed += ms
  }

  /** How long to pause for what was spent since the last pause, in milliseconds. */
  pause(): number {
    const share = Math.max(LEAST_SHARE, SHARE_OF_IDLE * (1 - this.#busy()))
    const pause = this.#owed / share - this.#owed
    this.#owed = 0
    return pause
  }
}

/** The event loop's own account of how busy this process is. */
export function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
