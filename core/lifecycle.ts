/**
 * A program's life: readiness as a set of named tasks, a drain with a hard deadline, and signals.
 * Nothing here knows what a program does.
 */

/** Readiness: true once every named task is done, and false again as soon as the drain begins. */
export class Readiness {
  readonly #waiting = new Set<string>()
  #draining = false

  /** Holds readiness back until the returned function is called; calling it twice is harmless. */
  task(name: string): () => void {
    this.#waiting.add(name)
    return () => {
      this.#waiting.delete(name)
    }
  }

  drain(): void {
    this.#draining = true
  }

  get state(): { ready: boolean; waitingFor: string[] } {
    const waitingFor = [...this.#waiting, ...(this.#draining ? ['drain'] : [])]
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
  let onSignal: () => void = () => {}
  const nextSignal = () =>
    new Promise<void>((resolve) => {
      onSignal = resolve
    })
  const listener = () => onSignal()
  const first = nextSignal()
  signals.on('SIGTERM', listener)
  signals.on('SIGINT', listener)
  try {
    await first
    const second = nextSignal().then((): Ending => 'second-signal')
    const drained = app.close().then((): Ending => 'drained')
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<Ending>((resolve) => {
      timer = setTimeout(() => resolve('deadline'), deadlineMs)
    })
    const ending = await Promise.race([drained, second, deadline])
    clearTimeout(timer)
    return ending
  } finally {
    signals.off('SIGTERM', listener)
    signals.off('SIGINT', listener)
  }
}
