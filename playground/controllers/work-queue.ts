/** A queue of keys to reconcile: each key once at a time, with back-off after failures. */
import type { Log } from '../../core/log.ts'

/** Brings the world of one key in order; returns a time in ms after which to look again. */
export type Reconcile = (key: string) => Promise<number | undefined> | Promise<void>

/** Pause after a failure, in ms: doubles from the first to the last. */
const BACKOFF_MS = { first: 50, last: 30_000 }

export class WorkQueue {
  readonly #name: string
  readonly #reconcile: Reconcile
  readonly #log: Log
  readonly #waiting = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #running: Promise<void> | null = null
  #stopped = false

  constructor(name: string, reconcile: Reconcile, log: Log) {
    this.#name = name
    this.#reconcile = reconcile
    this.#log = log
  }

  /** Asks for a key to be reconciled soon; asking twice before it happens counts once. */
  add(key: string): void {
    if (this.#stopped) return
    this.#waiting.add(key)
    // The caller is inside a write: it goes first.
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  addAfter(key: string, ms: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timers.get(key))
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      this.add(key)
    }, ms)
    this.#timers.set(key, timer)
  }

  /** Takes no more keys; resolves once the one at work is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting.clear()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await this.#running
  }

  async #run(): Promise<void> {
    for (;;) {
      const [key] = this.#waiting
      if (key === undefined) break
      this.#waiting.delete(key)
      await this.#runOne(key)
    }
    this.#running = null
  }

  async #runOne(key: string): Promise<void> {
    try {
      const again = await this.#reconcile(key)
      this.#failures.delete(key)
      if (typeof again === 'number') this.addAfter(key, again)
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0
      const retryMs = Math.min(BACKOFF_MS.first * 2 ** failures, BACKOFF_MS.last)
      this.#failures.set(key, failures + 1)
      const { message } = error as Error
      this.#log.debug({ controller: this.#name, key, error: message, retryMs }, 'reconcile failed')
      this.addAfter(key, retryMs)
    }
  }
}
