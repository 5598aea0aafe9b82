/**
 * How much of the processor the making and sending of records may take, so that tracing never slows
 * traffic: much of what traffic leaves free, and of a busy process a small share.
 */

/**
 * Share of a core that records get from a busy process, as a fraction. 0.5 % are some 1000 records a second, and as
 * much again goes where nobody counts it (the kernel, the collector); what does not fit is dropped and counted.
 */
const LEAST_SHARE = 0.005

/** Share that they get from an idle one. */
const MOST_SHARE = 0.5

/** From so much load on, as a fraction, a process counts as busy. */
const BUSY = 0.6

/** What one record takes, in ms, before any was made. */
const FIRST_COST_MS = 0.005

/** Weight of the latest records in the mean cost of one. */
const NEWEST_WEIGHT = 0.1

/** So many records may always wait, whatever was measured: a burst, or a second of 1000 requests. */
const LEAST_WAITING = 1000

/**
 * So many at the most: half a second of 4000 requests. A process that was idle a moment ago believes that it has
 * time for 50,000, and what it takes in then is a burden on the traffic that has begun.
 */
const MOST_WAITING = 2000

/** How long a record waits at most for those before it, in s, where the sender does get through. */
const LONGEST_WAIT_S = 1

/**
 * Longest pause, in ms: what 5 ms of work cost a busy process, and no stretch of work is longer. What seems to
 * be more is a machine that stood still, or a container that had used up its processor time, and would be paid
 * with a minute without records.
 */
const LONGEST_PAUSE_MS = 1000

export interface TraceBudgetOptions {
  /** How much of the time since it was last asked the process was busy, 0 to 1. */
  busy: () => number
}

export class TraceBudget {
  readonly #busy: () => number
  #owed = 0
  #cost = FIRST_COST_MS
  #share = MOST_SHARE

  constructor({ busy }: TraceBudgetOptions) {
    this.#busy = busy
  }

  /** Takes note of work that was done, in milliseconds, and how many records it has made. */
  spend(ms: number, records: number): void {
    this.#owed += ms
    if (records > 0) this.#cost += (ms / records - this.#cost) * NEWEST_WEIGHT
  }

  /** How long to pause for what was spent since the last pause, in milliseconds. */
  pause(): number {
    const free = Math.max(0, 1 - this.#busy() / BUSY)
    this.#share = Math.max(LEAST_SHARE, MOST_SHARE * free)
    const pause = this.#owed / this.#share - this.#owed
    this.#owed = 0
    return Math.min(pause, LONGEST_PAUSE_MS)
  }

  /** How many records are worth keeping: more than these could not be sent in good time. */
  get mostWaiting(): number {
    const perSecond = (this.#share * 1000) / this.#cost
    return Math.min(MOST_WAITING, Math.max(LEAST_WAITING, perSecond * LONGEST_WAIT_S))
  }
}

/**
 * Shortest time of which the load is told, in ms. What is asked for again within a millisecond would be told of the
 * asker's own work, by which an idle process seems to be a busy one.
 */
const SHORTEST_LOOK_MS = 100

/** The event loop's own account of how busy this process is; 0 before it has run for a moment. */
export function loopUtilization(now: () => number = () => performance.now()): () => number {
  let last = performance.eventLoopUtilization()
  let lookedAt = now()
  let busy = 0
  return () => {
    const time = now()
    if (time - lookedAt < SHORTEST_LOOK_MS) return busy
    const current = performance.eventLoopUtilization()
    busy = performance.eventLoopUtilization(current, last).utilization
    last = current
    lookedAt = time
    return busy
  }
}
