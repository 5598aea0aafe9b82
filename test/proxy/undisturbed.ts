/** Tests whose subject is a time of this process, on machines that stand still now and then. */

/** Of so many attempts, one meets no pause; each is a second or less. */
const MOST_ATTEMPTS = 12
/** How often is looked at the clock, in ms. */
const TICK_MS = 5

/**
 * Makes an attempt, and another one if it failed while the process stood still for longer than it bears: what
 * it has then seen of times says nothing. What fails without such a pause fails at once.
 * @param bearsMs how long the process may stand still without any effect on the outcome
 */
export async function undisturbed<T>(bearsMs: number, attempt: () => Promise<T>): Promise<T> {
  for (let left = MOST_ATTEMPTS; ; left--) {
    const longestPause = watchPauses()
    try {
      return await attempt()
    } catch (error) {
      if (longestPause() <= bearsMs || left === 1) throw error
    } finally {
      longestPause()
    }
  }
}

/**
 * Waits, and then until what this process sends itself over sockets has come: timers that are due go before
 * sockets where the machine has stood still meanwhile.
 */
export async function pauseForSockets(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Gives the longest time in which no timer came, ms; once asked, it looks no more. */
function watchPauses(): () => number {
  let last = performance.now()
  let longest = 0
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last - TICK_MS)
    last = now
  }
  const timer = setInterval(look, TICK_MS)
  return () => {
    look()
    clearInterval(timer)
    return longest
  }
}
