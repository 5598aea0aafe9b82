/** One pod's volumes from its start to its end: written, and written again when what they show has changed. */
import type { Log } from '../../core/log.ts'
import type { PodTokens } from './pod-tokens.ts'
import type { PodView } from './pod-view.ts'
import type { VolumeFacts } from './volume-files.ts'
import { type VolumesResult, type Written, writeVolumes } from './volumes.ts'

export interface PodVolumesDeps {
  /** The pod as it is now. */
  pod(): PodView
  /** Directory of the volumes on the node. */
  dir: string
  tokens: PodTokens
  /** Reads anew what the pod refers to. */
  facts(pod: PodView, token: VolumeFacts['token']): Promise<VolumeFacts>
  now(): number
  log: Log
}

/** Pause (ms) before a renewal that failed is tried again. */
const RETRY_MS = 1000
/** Longest timer that Node has, in ms; a token may last longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export class PodVolumes {
  readonly #deps: PodVolumesDeps
  readonly #written: Written = new Map()
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #mounted = false
  #working: Promise<unknown> | null = null
  #again = false

  constructor(deps: PodVolumesDeps) {
    this.#deps = deps
  }

  /** Writes them for the first time; may be tried again after a mistake. */
  async mount(): Promise<VolumesResult> {
    const result = await this.#write()
    if (!result.ok) return result
    this.#mounted = true
    this.#schedule()
    // A change that came while they were being written.
    if (this.#again) this.refresh()
    return result
  }

  /** Something that the pod refers to may have changed: looks, and writes what is different. */
  refresh(): void {
    if (this.#closed) return
    this.#again = true
    if (!this.#mounted) return
    this.#working ??= this.#work()
  }

  /** Resolves once nothing more will be written. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      const fault = await this.#write().then(
        (result) => (result.ok ? null : result.mistake),
        (error: Error) => error.message,
      )
      // What a running pod has, it keeps, as with a real kubelet.
      if (fault) this.#deps.log.warn({ ...this.#name(), error: fault }, 'volumes not renewed')
      this.#schedule(fault ? RETRY_MS : null)
    }
    this.#working = null
  }

  async #write(): Promise<VolumesResult> {
    const { tokens, dir } = this.#deps
    const pod = this.#deps.pod()
    await tokens.refresh(pod)
    const facts = await this.#deps.facts(pod, (source) => tokens.get(source))
    return writeVolumes(pod, dir, facts, this.#written)
  }

  #schedule(retryMs: number | null = null): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    const due = this.#deps.tokens.nextRenewal
    if (due === null && retryMs === null) return
    const untilDue = due === null ? LONGEST_TIMER_MS : Math.max(due - this.#deps.now(), 0)
    const ms = Math.min(retryMs ?? untilDue, LONGEST_TIMER_MS)
    this.#timer = setTimeout(() => this.refresh(), ms)
    this.#timer.unref()
  }

  #name(): { namespace: string | undefined; pod: string | undefined } {
    const { namespace, name } = this.#deps.pod().metadata
    return { namespace, pod: name }
  }
}
