/**
 * A program's life: readiness as a set of named tasks, a drain with a hard deadline, and signals.
 * Nothing here knows what a program does.
 */

/** Readiness: true once every named task is done, and false again as soon as the drain begins. */
export class Readiness {
  /** One object for each task, so that two tasks of one name are two. */
  readonly #waiting = new Set<{ name: string }>()
  #draining = false

  /** Holds readiness back until the returned function is called; calling it twice is harmless. */
  task(name: string): () => void {
    const task = { name }
    this.#waiting.add(task)
    return () => {
      this.#waiting.delete(task)
    }
  }

  drain(): void {
    this.#draining = true
  }

  get state(): { ready: boolean; waitingFor: string[] } {
    const names = [...this.#waiting].map((task) => task.name)
    const waitingFor = [...names, ...(this.#draining ? ['drain'] : [])]
    return { ready: waitingFor.length === 0, waitingFor }
  }
}

export interface Stoppable {
  /** Ends gracefully: resolves once nothing is in flight. */
  close(): Promise<void>
}

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
}

export type Ending = 'drained' | 'deadline' | 'second-signal'

/**
 * Waits for SIGTERM or SIGINT, then closes `app`; resolves with how the end came.
 * @param deadlineMs longest time that the drain may take, in milliseconds
 */
export async function runUntilSignal(
  app: Stoppable,
  signals: SignalSource,
  deadlineMs: number,
): Promise<Ending> {
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<Ending>()
  const deadline = Promise.withResolvers<Ending>()
  let seen = 0
  const listener = () => {
    seen += 1
    if (seen === 1) first.resolve()
    else second.resolve('second-signal')
  }
  let timer: NodeJS.Timeout | undefined
  signals.on('SIGTERM', listener)
  signals.on('SIGINT', listener)
  try {
    await first.promise
    timer = setTimeout(() => deadline.resolve('deadline'), deadlineMs)
    const drained = app.close().then((): Ending => 'drained')
    return await Promise.race([drained, second.promise, deadline.promise])
  } finally {
    clearTimeout(timer)
    signals.off('SIGTERM', listener)
    signals.off('SIGINT', listener)
  }
}
