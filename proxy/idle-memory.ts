/**
 * Gives memory back when the proxy has come to rest. V8 collects garbage only when it needs room and keeps the
 * room that a burst has needed; libc keeps what was freed. Most sidecars rest most of the time, and there is one
 * in every pod.
 */
import type { Koffi } from './koffi.ts'

/**
 * How often it looks, ms. What is given back has to be fetched again by the next traffic, at some 100 ms of the
 * processor's time: so a pause between two bursts is to be no rest.
 */
const LOOK_MS = 10_000

/** So much of the processor's time between two looks is rest, ms: probes and heartbeats take less. */
const REST_CPU_MS = 20

/**
 * Growth since the last time from which it is worth the trouble again, bytes. Collecting takes 20 ms and more
 * for a few megabytes, so it must be rare.
 */
const GROWTH_BYTES = 4 * 1024 * 1024

export interface IdleMemoryOptions {
  /** Time that the process has had of the processor, ms. */
  cpuMs: () => number
  residentBytes: () => number
  giveBack: () => void
}

export class IdleMemory {
  readonly #options: IdleMemoryOptions
  #cpu = Number.NEGATIVE_INFINITY
  /** What was resident after the last time. */
  #after = 0

  constructor(options: IdleMemoryOptions) {
    this.#options = options
  }

  /** Gives memory back if the process has been at rest since the last look, and has grown. */
  look(): void {
    const { cpuMs, residentBytes, giveBack } = this.#options
    const before = this.#cpu
    this.#cpu = cpuMs()
    if (this.#cpu - before > REST_CPU_MS) return
    if (residentBytes() < this.#after + GROWTH_BYTES) return
    giveBack()
    this.#after = residentBytes()
    this.#cpu = cpuMs()
  }
}

/**
 * Looks from now on; returns what ends it.
 * @param lookMs for tests; `LOOK_MS` otherwise
 */
export function watchIdleMemory(options: IdleMemoryOptions, lookMs = LOOK_MS): () => void {
  const idle = new IdleMemory(options)
  const timer = setInterval(() => idle.look(), lookMs).unref()
  return () => clearInterval(timer)
}

/** This process. */
export function ownMemory(giveBack: () => void): IdleMemoryOptions {
  return {
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    residentBytes: () => process.memoryUsage.rss(),
    giveBack,
  }
}

/**
 * Collects all garbage, then lets libc return what is free.
 * @param gc V8's, which Node has with the flag `--expose-gc` only; null without
 * @param koffi null where it is not loaded; musl has no `malloc_trim` and needs none
 * @returns null if neither is there
 */
export function createGiveBack(
  gc: NodeJS.GCFunction | undefined,
  koffi: Koffi | null,
): (() => void) | null {
  const trim = koffi && bindTrim(koffi)
  if (gc === undefined && trim === null) return null
  return () => {
    // Any other kind leaves the space for new objects as large as a burst has made it.
    gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    trim?.()
  }
}

function bindTrim(koffi: Koffi): (() => void) | null {
  try {
    const trim = koffi.load(null).func('int malloc_trim(size_t pad)')
    return () => {
      trim(0)
    }
  } catch {
    return null
  }
}
