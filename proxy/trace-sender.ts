/**
 * Carries trace records from the queue to the controller in batches. It runs beside the traffic:
 * nothing waits for it, and what it cannot deliver is retried, then dropped by the queue.
 */
import type { ErrorAnswer } from '../core/controller-api.ts'
import type { Log } from '../core/log.ts'
import { backOffMs } from './back-off.ts'
import type { AskController } from './controller-endpoint.ts'
import type { TraceBudget } from './trace-budget.ts'
import type { PendingTrace, TraceQueue } from './trace-queue.ts'

/**
 * Enough to make the cost of a request small for each record. But a batch is written in one go, and traffic waits
 * meanwhile: 200 records take 1 ms, 64 take 0.3.
 */
const BATCH = { records: 64, bytes: 128 * 1024 }

/** How long records are made at a stretch, in ms: so much later is a request that comes just then. */
const SLICE_MS = 0.1

/**
 * When so many wait, they are made: a stretch at 6 µs each, as they take where little is to do. Those that come in
 * `flushMs`, made and sent in a row when it is over, kept the process busy for some ms.
 */
const WORTH_A_SLICE = 16

/** As much of a refusal is read, in bytes: the controller says why in one sentence. */
const CAUSE_BYTES = 2048

/** The controller answers after one insert of a batch, some ms; 10 s is a controller that hangs. */
const POST_TIMEOUT_MS = 10_000

export interface TraceSenderOptions {
  ask: AskController
  queue: TraceQueue
  namespace: string
  pod: string
  /** How long a record waits for company, in milliseconds. */
  flushMs: number
  log: Log
  random: () => number
  budget: TraceBudget
}

/** Timers are no finer than this, in ms; a shorter pause is one turn of the event loop. */
const SHORTEST_TIMER_MS = 0.5

type Outcome = { kind: 'taken' } | { kind: 'refused' | 'failed'; problem: string }

export class TraceSender {
  readonly #options: TraceSenderOptions
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | null = null
  /** JSON of the records that are sent next, or are being sent. */
  #batch: string[] = []
  /** Characters of it. */
  #length = 0
  /** Records are made for a batch that is not sent yet. */
  #making = false
  #failures = 0
  /** Why the last batch was refused, until one is taken. */
  #refusal: string | null = null
  #closed = false

  constructor(options: TraceSenderOptions) {
    this.#options = options
  }

  /** Says that the queue has something; cheap, to be called for each record. */
  wake(): void {
    if (this.#sending || this.#closed) return
    if (!this.#timer) this.#schedule(this.#options.flushMs)
    if (this.#mayMake()) void this.#makeAhead()
  }

  /**
   * Sends what is left, for at most `withinMs` milliseconds, then stops for good.
   * @returns how many records stayed undelivered
   */
  async close(withinMs: number): Promise<number> {
    const end = Date.now() + withinMs
    clearTimeout(this.#timer)
    this.#closed = true
    while (this.#left() > 0 && Date.now() < end) {
      await Promise.race([this.#send(), sleep(Math.max(0, end - Date.now()))])
      if (this.#failures > 0) await sleep(Math.min(100, Math.max(0, end - Date.now())))
    }
    return this.#left()
  }

  #left(): number {
    return this.#options.queue.length + this.#batch.length
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#send()
    }, delayMs)
    this.#timer.unref()
  }

  /** Sends one batch; a call during another joins it. */
  #send(): Promise<void> {
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = null
      if (this.#failures > 0 && !this.#closed) this.#schedule(this.#backOff())
      else if (this.#left() > 0) this.wake()
    })
    return this.#sending
  }

  #backOff(): number {
    return backOffMs(this.#failures, this.#options.random())
  }

  async #sendBatch(): Promise<void> {
    const { queue, log } = this.#options
    await this.#fill()
    if (this.#batch.length === 0) return
    const outcome = await this.#post(this.#batch)
    if (outcome.kind === 'failed') {
      this.#failures++
      const level = this.#failures === 1 ? 'warn' : 'debug'
      log[level]({ problem: outcome.problem, waiting: this.#left() }, 'traces not delivered')
      return
    }
    if (outcome.kind === 'refused') {
      // The same bytes would be refused for ever and hold up all that come after them.
      queue.countDropped(this.#batch.length)
      this.#sayRefusal(outcome.problem)
    } else {
      this.#refusal = null
    }
    this.#failures = 0
    this.#batch = []
    this.#length = 0
  }

  /** Once for each cause: what is refused now will mostly be refused five times a second. */
  #sayRefusal(problem: string): void {
    const level = problem === this.#refusal ? 'debug' : 'error'
    this.#refusal = problem
    this.#options.log[level](
      { problem, records: this.#batch.length },
      'traces refused: they are dropped, and counted in azds_proxy_traces_dropped_total',
    )
  }

  /** Makes records as they come, so that little is left to do when the batch is full, which sends it. */
  async #makeAhead(): Promise<void> {
    this.#making = true
    // What the traffic has to do now comes first.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#mayGoOn() && !this.#isFull()) await this.#makeSlice()
    this.#making = false
    if (this.#sending || this.#closed || !this.#isFull()) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    void this.#send()
  }

  #mayMake(): boolean {
    return !this.#making && this.#mayGoOn()
  }

  /** Not where a batch is on its way already, or the controller does not take any. */
  #mayGoOn(): boolean {
    const isIdle = this.#sending === null && this.#failures === 0 && !this.#closed
    return isIdle && this.#options.queue.length >= WORTH_A_SLICE
  }

  #isFull(): boolean {
    return this.#batch.length >= BATCH.records || this.#length >= BATCH.bytes
  }

  /** Adds to the batch what there is, in slices with pauses between them. */
  async #fill(): Promise<void> {
    while (!this.#isFull() && this.#options.queue.length > 0) await this.#makeSlice()
  }

  /** Makes the records of the oldest, then pauses for the traffic. */
  #makeSlice(): Promise<void> {
    const { queue, budget } = this.#options
    const start = performance.now()
    let time = start
    let count = 0
    while (time - start < SLICE_MS && !this.#isFull()) {
      const pending = queue.shift()
      if (pending === null) break
      this.#add(pending)
      count++
      time = performance.now()
    }
    budget.spend(time - start, count)
    return this.#pause()
  }

  /** A record that cannot be made costs no other. */
  #add(pending: PendingTrace): void {
    try {
      const json = pending.json()
      this.#batch.push(json)
      this.#length += json.length
    } catch (err) {
      this.#options.queue.countDropped(1)
      this.#options.log.error({ err }, 'a trace could not be written')
    }
  }

  /** Lets traffic have its share; at the end, everything else has had it. */
  #pause(): Promise<void> {
    const pause = this.#closed ? 0 : this.#options.budget.pause()
    return new Promise((resolve) => {
      if (pause < SHORTEST_TIMER_MS) setImmediate(resolve)
      else setTimeout(resolve, pause).unref()
    })
  }

  #post(records: readonly string[]): Promise<Outcome> {
    const { ask, queue, namespace, pod, budget } = this.#options
    const start = performance.now()
    // The records are JSON already, so the batch around them (`TraceBatch`) is put together as text.
    const frame = JSON.stringify({ namespace, pod, dropped: queue.dropped })
    const body = `${frame.slice(0, -1)},"records":[${records.join(',')}]}`
    return new Promise((resolve) => {
      let status = 0
      let cause = ''
      ask(
        {
          method: 'POST',
          path: '/v1/traces',
          headers: { 'content-type': 'application/json' },
          body,
          silenceMs: POST_TIMEOUT_MS,
        },
        {
          onStatus: (answered) => {
            status = answered
          },
          onData: (bytes) => {
            if (status >= 400 && cause.length < CAUSE_BYTES) cause += bytes.toString()
          },
          // Only then may the connection carry the next batch.
          onEnd: () => resolve(outcomeOf(status, cause)),
          onFail: (problem) =>
            resolve(status === 0 ? { kind: 'failed', problem } : outcomeOf(status, cause)),
        },
      )
      budget.spend(performance.now() - start, 0)
    })
  }
}

/** Of the 4xx these ask for another try, 401 with another token; the others say that this batch will never do. */
const TRY_AGAIN = [401, 408, 429]

function outcomeOf(status: number, cause: string): Outcome {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const problem = `the controller answered ${status}${reasonOf(cause)}`
  const refused = status >= 400 && status < 500 && !TRY_AGAIN.includes(status)
  return { kind: refused ? 'refused' : 'failed', problem }
}

/** What the controller says in its answer, if it is one of the controller's. */
function reasonOf(answer: string): string {
  try {
    const { error } = JSON.parse(answer) as ErrorAnswer
    return `: ${String(error.message).slice(0, CAUSE_BYTES)}`
  } catch {
    return ''
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
