/** How long a container that keeps ending waits before it is started again. */

/**
 * Kubernetes waits 10 s, doubled up to 5 min, and forgets after 10 min of running. Someone who tries things
 * out waits for it, so the playground's times (ms) are about a tenth of that.
 */
export const BACKOFF_MS = { first: 1000, last: 20_000, forgetAfter: 60_000 }

export class Backoff {
  #next = 0

  /** @param ranMs how long the run that just ended was; returns the pause in ms, 0 the first time */
  after(ranMs: number): number {
    if (ranMs >= BACKOFF_MS.forgetAfter) this.#next = 0
    const pause = this.#next
    this.#next = pause === 0 ? BACKOFF_MS.first : Math.min(pause * 2, BACKOFF_MS.last)
    return pause
  }
}
