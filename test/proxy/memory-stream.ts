/** Two byte streams joined in memory, with TCP's manners: FIN, RST, pause, back-pressure, later turns. */
import type { Address } from '../../core/routing-table.ts'
import { isShared, KnownChunks } from '../../proxy/known-chunks.ts'
import { BULK_BYTES } from '../../proxy/raw-loans.ts'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'

/** Bytes that may be under way in one direction before `write` says stop. */
const HIGH_WATER = 65_536

/** What is seen by those who go on using what they have only borrowed. */
const SPOILT = 0xee

/** The memory that a listener is shown at the moment, which is done with it when it returns. */
let shown: ArrayBufferLike | null = null

/** Where a transport would have read to. */
const landing = Buffer.allocUnsafeSlow(HIGH_WATER)
const known = new KnownChunks(landing)

/** As a transport does it: bytes that come again and again are one buffer. */
function sharedOr(bytes: Buffer): Buffer {
  if (bytes.length > landing.length) return bytes
  bytes.copy(landing)
  return known.find(bytes.length) ?? bytes
}

type Signal =
  | { kind: 'data'; bytes: Buffer }
  | { kind: 'end' }
  | { kind: 'closed'; error: NodeJS.ErrnoException | null }

export class MemoryStream implements ByteStream {
  readonly remote: Address
  bytesRead = 0
  bytesWritten = 0
  peer: MemoryStream = this
  /** Largest number of bytes that ever waited for this side to read them. */
  mostQueued = 0
  #listener: StreamListener | null = null
  readonly #queue: Signal[] = []
  #queued = 0
  #paused = false
  /** What the listener, having paused, still needs of what it only borrows. */
  #borrowed: Buffer | null = null
  #scheduled = false
  #finSent = false
  #finSeen = false
  #closed = false
  #full = false
  /** What is sent at the end of the turn. */
  #soon: Buffer | null = null
  /** The end of the connection, once a listener has heard of it. */
  #told: (Signal & { kind: 'closed' }) | null = null

  constructor(remote: Address) {
    this.remote = remote
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
    this.#borrowed = null
    if (this.#finSeen || this.#closed) queueMicrotask(() => this.#tellState(listener))
    this.#schedule()
  }

  /** Takes the bytes at the end of the turn, so that it is noticed if they have been changed by then. */
  writeSoon(bytes: Buffer): boolean {
    if (this.#soon !== null || this.#full || bytes.buffer === shown) return this.write(bytes)
    this.#soon = bytes
    setImmediate(() => this.#flush())
    return true
  }

  /** Spoils it in the turn after, when what was to be sent of it is sent. */
  room(length: number): Buffer {
    const room = Buffer.allocUnsafeSlow(length)
    setImmediate(() => setImmediate(() => room.fill(SPOILT)))
    return room
  }

  write(bytes: Buffer): boolean {
    this.#flush()
    if (this.#closed || this.#finSent) return true
    this.bytesWritten += bytes.length
    this.#full = !this.peer.push({ kind: 'data', bytes: Buffer.from(bytes) })
    return !this.#full
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#borrowed?.fill(SPOILT)
    this.#borrowed = null
    this.#schedule()
  }

  end(): void {
    this.#flush()
    if (this.#closed || this.#finSent) return
    this.#finSent = true
    this.peer.push({ kind: 'end' })
    this.#closeIfBothEnded()
  }

  close(): void {
    if (this.#closed) return
    this.end()
    this.#die(null)
  }

  reset(): void {
    this.#flush()
    if (this.#closed) return
    this.peer.abort('ECONNRESET', 'read')
    this.#die(null)
  }

  /** Breaks this side with an errno, as the kernel would report it. */
  abort(code: string, syscall: string): void {
    if (this.#closed) return
    const error: NodeJS.ErrnoException = new Error(`${syscall} ${code}`)
    error.code = code
    error.syscall = syscall
    this.#die(error)
  }

  push(signal: Signal): boolean {
    if (this.#closed) return true
    this.#queue.push(signal)
    if (signal.kind === 'data') this.#queued += signal.bytes.length
    this.mostQueued = Math.max(this.mostQueued, this.#queued)
    this.#schedule()
    return this.#queued < HIGH_WATER
  }

  #flush(): void {
    const bytes = this.#soon
    this.#soon = null
    if (bytes !== null) this.write(bytes)
  }

  #die(error: NodeJS.ErrnoException | null): void {
    this.#closed = true
    this.#queue.length = 0
    this.#queue.push({ kind: 'closed', error })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const listener = this.#listener
    if (listener === null) return
    const next = this.#queue[0]
    if (next === undefined || (this.#paused && next.kind !== 'closed')) return
    this.#queue.shift()
    if (next.kind === 'data') this.#take(next.bytes, listener)
    else if (next.kind === 'end') {
      this.#finSeen = true
      listener.onEnd()
      this.#closeIfBothEnded()
    } else {
      this.#told = next
      listener.onClose(next.error)
    }
    if (this.#queue.length > 0) this.#schedule()
  }

  #take(bytes: Buffer, listener: StreamListener): void {
    this.#queued -= bytes.length
    this.bytesRead += bytes.length
    const { borrows = false } = listener
    const chunk = borrows ? bytes : sharedOr(bytes)
    const passes = listener.passes === true && !isShared(chunk)
    // As transports do: what is much, or of a body, is shown where the next read goes, and else until the turn is over.
    const atOnce = borrows || chunk.length >= BULK_BYTES
    shown = passes && atOnce ? chunk.buffer : null
    listener.onData(chunk)
    shown = null
    // After what is sent at the end of the turn: that was asked for before.
    if (passes && !atOnce) setImmediate(() => chunk.fill(SPOILT))
    else if (passes) chunk.fill(SPOILT)
    else if (borrows && this.#listener === listener) this.#spoil(chunk)
    const { peer } = this
    if (!peer.#full || this.#queued >= HIGH_WATER) return
    peer.#full = false
    setImmediate(() => peer.#listener?.onDrain())
  }

  /** As a transport reads into the same memory again, once a listener that borrows is done with it. */
  #spoil(bytes: Buffer): void {
    if (this.#paused) this.#borrowed = bytes
    else bytes.fill(SPOILT)
  }

  #closeIfBothEnded(): void {
    if (this.#closed || !this.#finSent || !this.#finSeen) return
    this.#closed = true
    this.#queue.push({ kind: 'closed', error: null })
    this.#schedule()
  }

  #tellState(listener: StreamListener): void {
    if (this.#listener !== listener) return
    if (this.#finSeen) listener.onEnd()
    if (this.#told !== null && this.#listener === listener) listener.onClose(this.#told.error)
  }
}

/** A connection: what is written to one side is read from the other. */
export function memoryPair(
  remoteOfA: Address = { ip: '10.0.0.1', port: 1000 },
  remoteOfB: Address = { ip: '10.0.0.2', port: 2000 },
): [MemoryStream, MemoryStream] {
  const a = new MemoryStream(remoteOfA)
  const b = new MemoryStream(remoteOfB)
  a.peer = b
  b.peer = a
  return [a, b]
}

/** Lets everything happen that is under way, as many turns of the event loop as it takes. */
export async function settle(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}
