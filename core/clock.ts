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

/**
 * Makes a clock that never goes back and is right to a millisecond.
 * @returns milliseconds since 1970, with fractions
 */
export function fineClock({ wall, steady }: Clocks): () => number {
  let offset = wall() - steady()
  let last = 0
  return () => {
    const coarse = wall()
    let time = steady() + offset
    // The whole milliseconds are known, so the right time lies within [coarse, coarse + 1).
    const ahead = time - coarse
    const correction =
      ahead < 0 ? -ahead : ahead >= 1 && ahead < LARGEST_STEP_BACK_MS ? 1 - ahead : 0
    offset += correction
    time += correction
    if (time > last) last = time
    return last
  }
}
