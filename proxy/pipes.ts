/**
 * The pipes through which the kernel passes what busy connections carry: few, since a connection has one
 * only while something is in it; and whether passing works here at all, which is tried when it is first wanted.
 */
import { closeSync, readSync } from 'node:fs'
import type { PipeCalls } from './pipe-calls.ts'

/** An empty pipe is anybody's; one with bytes in it belongs to the connection that they go to. */
export interface Pipe {
  readonly reader: number
  readonly writer: number
  /** Room, in bytes. */
  readonly bytes: number
}

/**
 * Room of a pipe, bytes: the most that Linux allows everybody (fs.pipe-max-size), or else a quarter of it.
 * What fits moves with two calls. Below that, copying into large buffers costs as little.
 */
const ROOMS = [1_048_576, 262_144]

/**
 * Pipes at once. All sidecars of a node run as one user, whom Linux lets have 64 MiB of pipes
 * (fs.pipe-user-pages-soft) before it gives out pipes of two pages only, which are not taken. One serves
 * all connections whose receivers keep up, and the others one receiver each that does not.
 */
const MOST = 8

/** How long a pipe is kept that nobody needs, ms. */
const IDLE_MS = 5_000

/**
 * Bytes that a connection carries before it is tried: a copy of them takes 0.5 ms. Whoever carries less has been
 * served by then.
 */
export const PASS_AFTER_BYTES = 1_048_576

/** What says that the kernel, or what guards it, has no such thing. */
const REFUSALS = ['EINVAL', 'ENOSYS', 'EPERM', 'EACCES', 'EOPNOTSUPP']

export interface PipesOptions {
  /** `PASS_AFTER_BYTES` if absent. */
  afterBytes?: number
  /** Tries the whole way, and says what does not work; null if all does. */
  prove: () => Promise<string | null>
  /** Hears why nothing is passed from now on. */
  onUseless?: (problem: string) => void
}

export class Pipes {
  readonly afterBytes: number
  /** Bytes that went through pipes so far. */
  passed = 0
  readonly #load: () => PipeCalls
  readonly #options: PipesOptions
  #calls: PipeCalls | null = null
  #state: 'untried' | 'trying' | 'works' | 'useless' = 'untried'
  #spare: Pipe[] = []
  #open = 0
  #idle: NodeJS.Timeout | null = null

  constructor(load: () => PipeCalls, options: PipesOptions) {
    this.#load = load
    this.#options = options
    this.afterBytes = options.afterBytes ?? PASS_AFTER_BYTES
  }

  /** Whether bytes can be passed. Asked for the first time, it finds out, and says no until then. */
  get work(): boolean {
    if (this.#state === 'untried') void this.prove()
    return this.#state === 'works'
  }

  /** Finds out whether bytes can be passed. */
  async prove(): Promise<void> {
    if (this.#state !== 'untried') return
    this.#state = 'trying'
    const problem = await this.#problem()
    if (this.#state !== 'trying') return
    if (problem === null) this.#state = 'works'
    else this.giveUp(problem)
  }

  /** Nothing is passed any more: it does not work here. */
  giveUp(problem: string): void {
    if (this.#state === 'useless') return
    this.#state = 'useless'
    this.#options.onUseless?.(problem)
  }

  /** An empty pipe; null if there is none to be had, for which nobody is to wait. */
  take(): Pipe | null {
    const spare = this.#spare.pop()
    if (spare !== undefined) return spare
    if (this.#open >= MOST) return null
    const pipe = this.#make()
    if (pipe !== null) this.#open++
    return pipe
  }

  /** Takes an empty pipe back. */
  give(pipe: Pipe): void {
    this.#spare.push(pipe)
    this.#idle ??= setTimeout(() => this.close(), IDLE_MS).unref()
  }

  /** Takes a pipe back in which there may be bytes, which nobody gets. */
  discard(pipe: Pipe): void {
    this.#open--
    close(pipe)
  }

  /** Lets the spare ones go. */
  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
    for (const pipe of this.#spare.splice(0)) this.discard(pipe)
  }

  /** Moves bytes from one descriptor to the other: their number, 0 at the end, or a negative errno. */
  move(from: number, to: number, most: number): number {
    this.#calls ??= this.#load()
    return this.#calls.splice(from, to, most)
  }

  /** Whether this outcome of `move` means that it cannot be used here; then it is not any more. */
  isRefusal(code: string | undefined): boolean {
    if (code === undefined || !REFUSALS.includes(code)) return false
    this.giveUp(`splice ${code}`)
    return true
  }

  /** A copy of the next bytes that are in a pipe. */
  read(pipe: Pipe, count: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(count)
    return bytes.subarray(0, readSync(pipe.reader, bytes, 0, count, null))
  }

  async #problem(): Promise<string | null> {
    try {
      this.#calls ??= this.#load()
      return await this.#options.prove()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  #make(): Pipe | null {
    this.#calls ??= this.#load()
    const ends = this.#calls.open()
    // No descriptor is left, for one.
    if (typeof ends === 'number') return null
    const [reader, writer] = ends
    for (const room of ROOMS) {
      const bytes = this.#calls.resize(writer, room)
      if (bytes >= room) return { reader, writer, bytes }
    }
    close({ reader, writer })
    return null
  }
}

function close({ reader, writer }: Pick<Pipe, 'reader' | 'writer'>): void {
  closeSync(reader)
  closeSync(writer)
}
