/**
 * Writes long lines to many readers without holding them all in memory: a slice at a time, the next when the reader
 * has taken it, and to some readers at once. The others wait their turn; they go on with the table that they have.
 */

/** The way to one reader. */
export interface LineSink {
  /** Sends bytes; false if the reader is behind and no more is to be sent until it has caught up. */
  write(bytes: Buffer): boolean
}

export interface Delivery {
  sink: LineSink
  /** Called when its turn comes, so that what is sent is as new as can be. */
  lines(): Buffer[]
  /** All has been handed over, though the reader may not have taken the last slice yet. */
  done(): void
}

/** Readers that are written to at once: one of them is always ready for its next slice, and keeps a processor busy. */
export const AT_ONCE = 16

/**
 * A reader that takes nothing for this time (ms) lets another one go first; it goes on when it has caught up. Shorter,
 * and a machine that is busy would have slices of all readers in the air: 50 KB each, with what TLS makes of them.
 */
export const PATIENCE_MS = 5000

interface Job {
  delivery: Delivery
  /** What is still to be sent; null before its turn. */
  rest: Buffer[] | null
  /** Counts among those that are written to. */
  active: boolean
  timer: NodeJS.Timeout | undefined
}

export class SnapshotWriter {
  readonly #waiting: Job[] = []
  readonly #jobs = new Map<LineSink, Job>()
  #active = 0

  /** How many readers wait for their turn, or are at it. */
  get size(): number {
    return this.#jobs.size
  }

  /** One delivery to a sink at a time. */
  add(delivery: Delivery): void {
    const job: Job = { delivery, rest: null, active: false, timer: undefined }
    this.#jobs.set(delivery.sink, job)
    this.#waiting.push(job)
    this.#next()
  }

  /** Whether something of a line has been sent, so that nothing else may be until it is whole. */
  isWithin(sink: LineSink): boolean {
    return (this.#jobs.get(sink)?.rest ?? null) !== null
  }

  /** The reader has caught up; false if there is no delivery to it. */
  drained(sink: LineSink): boolean {
    const job = this.#jobs.get(sink)
    if (!job) return false
    if (job.rest === null) return true
    if (!job.active) {
      job.active = true
      this.#active++
    }
    this.#write(job)
    this.#next()
    return true
  }

  /** The reader is gone. */
  drop(sink: LineSink): void {
    const job = this.#jobs.get(sink)
    if (!job) return
    this.#jobs.delete(sink)
    const at = this.#waiting.indexOf(job)
    if (at >= 0) this.#waiting.splice(at, 1)
    this.#release(job)
    this.#next()
  }

  #next(): void {
    while (this.#active < AT_ONCE) {
      const job = this.#waiting.shift()
      if (!job) return
      job.active = true
      this.#active++
      job.rest = [...job.delivery.lines()]
      this.#write(job)
    }
  }

  #write(job: Job): void {
    clearTimeout(job.timer)
    const { delivery } = job
    const rest = job.rest ?? []
    for (let slice = rest.shift(); slice !== undefined; slice = rest.shift()) {
      const keepsUp = delivery.sink.write(slice)
      if (keepsUp) continue
      if (rest.length === 0) break
      job.timer = setTimeout(() => {
        this.#release(job)
        this.#next()
      }, PATIENCE_MS)
      return
    }
    this.#end(job)
  }

  #end(job: Job): void {
    this.#jobs.delete(job.delivery.sink)
    this.#release(job)
    job.delivery.done()
  }

  #release(job: Job): void {
    clearTimeout(job.timer)
    if (!job.active) return
    job.active = false
    this.#active--
  }
}
