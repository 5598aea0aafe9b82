/** How long to wait before the controller is asked again. */

/** First wait in ms: a restarted controller listens again within about a second. */
const BASE_MS = 250
/** Longest wait in ms: after an outage, routes and traces are to be fresh again within seconds. */
const MAX_MS = 5000

/**
 * Doubles with each failure up to a bound, with jitter of one half, so that many sidecars do not
 * come back at the same moment.
 * @param failures how many attempts have failed in a row, from 1
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function backOffMs(failures: number, random: number): number {
  const full = Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 20))
  return full / 2 + (full / 2) * random
}
