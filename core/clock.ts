/**
 * The time of day with fractions of a millisecond, for records that are compared with those of
 * other processes. Node's own fine clock is set once, when the process starts: it is off by whatever
 * came between at that moment, and never hears that the machine's clock was corrected or that the
 * machine has slept.
 */

export interface Clocks {
  /** Time of day in whole milliseconds since 1970, rounded down: `Date.now`. */
  wall: () => number
  /** A fine clock that only goes forward, in milliseconds: `performance.now`. */
  steady: () => number
}

/**
 * A clock set back by more than this (ms) is not followed: durations are measured with it too, and
 * they would be negative. Corrections by NTP stay far below.
 */
const LARGEST_STEP_BACK_MS = 100

/** How often the time of day is looked at, in ms: asked for each record, it would cost as much as the fine clock. */
const LOOK_EVERY_MS = 1

/**
 * Makes a clock that never goes back and is right to a millisecond.
 * @returns milliseconds since 1970, with fractions
 */
export function fineClock({ wall, steady }: Clocks): () => number {
  // In an array, because each change of a fraction in a variable makes a new object.
  const state = new Float64Array([wall() - steady(), 0, 0])
  return () => {
    const fine = steady()
    let time = fine + (state[OFFSET] as number)
    if (fine >= (state[LOOK_AT] as number)) {
      state[LOOK_AT] = fine + LOOK_EVERY_MS
      // The whole milliseconds are known, so the right time lies within [coarse, coarse + 1).
      const ahead = time - wall()
      if (ahead < 0 || (ahead >= 1 && ahead < LARGEST_STEP_BACK_MS)) {
        const correction = ahead < 0 ? -ahead : 1 - ahead
        state[OFFSET] = (state[OFFSET] as number) + correction
        time += correction
      }
    }
    time = Math.max(time, state[LAST] as number)
    state[LAST] = time
    return time
  }
}

const OFFSET = 0
/** The time that was told last. */
const LAST = 1
/** When to look at the time of day again, by the fine clock. */
const LOOK_AT = 2
