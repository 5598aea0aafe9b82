/** Copies bytes between two connections until both are over, changing nothing. */
import { type KernelRelay, relayBetween } from './kernel-relay.ts'
import type { ByteStream, StreamListener } from './stream.ts'

export interface SpliceEnd {
  /** Bytes that came from `a` and from `b`, the initial ones included. */
  fromA: number
  fromB: number
  /**
   * What broke first, and on which side; null after an orderly end, and where a side was reset to
   * which the other had already sent its FIN. Many programs end so (PostgreSQL, whenever a TLS client
   * leaves: it exits without reading the closing alert), and nobody was waiting for an answer.
   */
  error: NodeJS.ErrnoException | null
  side: 'a' | 'b' | null
}

/** Bytes that have been read already and are to be delivered first. */
export interface SpliceInitial {
  toA?: Buffer
  toB?: Buffer
}

/**
 * Joins two connections: FIN goes on as FIN in that direction alone, RST (or any failure) as RST, a
 * reader that stops stops the writer on the other side. `onEnd` is called once, when both are gone;
 * `onFirstFromB` at the first bytes of `b`, which may be before this returns.
 */
export function splice(
  a: ByteStream,
  b: ByteStream,
  initial: SpliceInitial | undefined,
  onEnd: (end: SpliceEnd) => void,
  onFirstFromB: (() => void) | null = null,
): void {
  const end: SpliceEnd = { fromA: 0, fromB: 0, error: null, side: null }
  let open = 2
  let harmless = false
  const closed = (error: NodeJS.ErrnoException | null, side: 'a' | 'b') => {
    const other = side === 'a' ? fromB : fromA
    if (open === 2) harmless = isReset(error) && other.ended
    if (error !== null && end.error === null && !harmless) {
      end.error = error
      end.side = side
    }
    open -= 1
    if (open === 0) onEnd(end)
  }
  const fromA = new HalfSplice(a, b, (error) => closed(error, 'a'))
  const fromB = new HalfSplice(b, a, (error) => closed(error, 'b'))
  fromA.twin = fromB
  fromB.twin = fromA
  const count = () => {
    end.fromA = fromA.bytes
    end.fromB = fromB.bytes
  }
  fromB.first = onFirstFromB
  fromA.count = count
  fromB.count = count
  a.listen(fromA)
  b.listen(fromB)
  if (initial?.toB?.length) fromA.onData(initial.toB)
  if (initial?.toA?.length) fromB.onData(initial.toA)
  if (!fromA.stopped) a.resume()
  if (!fromB.stopped) b.resume()
}

/** True for what a peer's RST looks like, which is told by the next read or the next write. */
function isReset(error: NodeJS.ErrnoException | null): boolean {
  return error?.code === 'ECONNRESET' || error?.code === 'EPIPE'
}

/** One direction: listens to its source and writes to the other side. */
class HalfSplice implements StreamListener {
  /** What the other side has not taken at once stops the source until it has. */
  readonly borrows = true
  bytes = 0
  stopped = false
  ended = false
  twin: HalfSplice = this
  count: () => void = () => {}
  /** Hears of the first bytes. */
  first: (() => void) | null = null
  /** Where the kernel can pass bytes by itself. */
  readonly #relay: KernelRelay | null
  /** As soon as so many bytes have come, it is to. */
  #relayAt: number
  readonly #from: ByteStream
  readonly #to: ByteStream
  readonly #closed: (error: NodeJS.ErrnoException | null) => void

  constructor(
    from: ByteStream,
    to: ByteStream,
    closed: (error: NodeJS.ErrnoException | null) => void,
  ) {
    this.#from = from
    this.#to = to
    this.#closed = closed
    this.#relay = relayBetween(from, to)
    this.#relayAt = this.#relay?.afterBytes ?? Number.POSITIVE_INFINITY
  }

  onData(chunk: Buffer): void {
    if (this.bytes === 0) this.first?.()
    this.bytes += chunk.length
    if (!this.#to.write(chunk)) this.#stop()
    else if (this.bytes >= this.#relayAt) this.#relayFromNowOn(chunk.length)
  }

  onReadable(): boolean {
    const relay = this.#relay as KernelRelay
    const before = relay.taken
    const passed = relay.pass()
    this.bytes += relay.taken - before
    if (passed === 'stalled') this.#stop()
    else if (passed === 'read') this.#relayAt = this.bytes + relay.afterBytes
    return passed !== 'read'
  }

  /** The source can take more again, so that its other side may go on. */
  onDrain(): void {
    const other = this.twin
    if (!other.stopped || other.#relay?.flush() === false) return
    other.stopped = false
    this.#to.resume()
  }

  onEnd(): void {
    if (this.ended) return
    this.ended = true
    this.#to.end()
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    this.count()
    this.#relay?.end()
    this.twin.#relay?.end()
    const orderly = error === null && this.ended && this.twin.ended
    if (!orderly) this.#to.reset()
    this.#closed(error)
  }

  #stop(): void {
    this.stopped = true
    this.#from.pause()
  }

  #relayFromNowOn(count: number): void {
    const relay = this.#relay as KernelRelay
    if (!relay.begin(count)) this.#relayAt = this.bytes + relay.afterBytes
  }
}
