/**
 * Carries trace records from the queue to the controller in batches. It runs beside the traffic:
 * nothing waits for it, and what it cannot deliver is retried, then dropped by the queue.
 */
import type { Log } from '../core/log.ts'
import type { TraceBatch, TraceRecord } from '../core/trace-record.ts'
import { backOffMs } from './back-off.ts'
import type { AskController } from './controller-endpoint.ts'
import type { TraceQueue } from './trace-queue.ts'

/** Keeps one batch's JSON.stringify at about 2 ms and its body far below 1 MiB. */
const BATCH = { records: 200, bytes: 512 * 1024 }

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
}

type Outcome = { kind: 'taken' } | { kind: 'refused' | 'failed'; problem: string }

export class TraceSender {
  readonly #options: TraceSenderOptions
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | null = null
  #batch: TraceRecord[] = []
  #failures = 0
  #closed = false

  constructor(options: TraceSenderOptions) {
    this.#options = options
  }

  /** Says that the queue has something; cheap, to be called for each record. */
  wake(): void {
    if (this.#timer || this.#sending || this.#closed) return
    this.#schedule(this.#options.flushMs)
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
      if (this.#closed || this.#left() === 0) return
      this.#schedule(this.#failures > 0 ? backOffMs(this.#failures, this.#options.random()) : 0)
    })
    return this.#sending
  }

  async #sendBatch(): Promise<void> {
    const { queue, log } = this.#options
    if (this.#batch.length === 0) this.#batch = queue.take(BATCH)
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
      log.error({ problem: outcome.problem, records: this.#batch.length }, 'traces refused')
    }
    this.#failures = 0
    this.#batch = []
  }

  #post(records: TraceRecord[]): Promise<Outcome> {
    const { ask, queue, namespace, pod } = this.#options
    const batch: TraceBatch = { namespace, pod, dropped: queue.dropped, records }
    const body = Buffer.from(JSON.stringify(batch))
    return new Promise((resolve) => {
      const request = ask('/v1/traces', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        timeout: POST_TIMEOUT_MS,
      })
      const fail = (problem: string) => resolve({ kind: 'failed', problem })
      request.on('timeout', () => request.destroy(new Error(`no answer in ${POST_TIMEOUT_MS} ms`)))
      request.on('error', (error) => fail(error.message || String(error)))
      request.on('close', () => fail('the connection was closed before an answer'))
      request.on('response', (response) => {
        response.resume()
        resolve(outcomeOf(response.statusCode ?? 0))
      })
      request.end(body)
    })
  }
}

/** 408 and 429 ask for another try; the other 4xx say that this batch will never do. */
function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const problem = `the controller answered ${status}`
  const refused = status >= 400 && status < 500 && status !== 408 && status !== 429
  return { kind: refused ? 'refused' : 'failed', problem }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
