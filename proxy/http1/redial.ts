/**
 * A connection that is dialled again, perhaps elsewhere, for as long as its target refuses it. The
 * routing table and the rules by which the node forwards a Service's address follow the same news, each
 * at its own pace: for some milliseconds one may lead to a version that the other refuses. A refused
 * connection has carried no byte, so nothing is done twice.
 */
import type { Address } from '../../core/routing-table.ts'
import type { ExchangePlan } from '../exchange.ts'
import { SPECIMENS } from '../specimens.ts'
import { type ByteStream, DEAF, type Dial, type StreamListener } from '../stream.ts'

/**
 * Pauses before the second dial and those after it, in ms. The table follows within some 50 ms, a node's
 * rules mostly within some 100; a service whose app really refuses is reported after half a second.
 */
const PAUSES_MS = [10, 20, 40, 80, 160, 200]

/** Bytes that are kept until there is a connection; more than a head and a small body must wait. */
const PENDING_BYTES = 65_536

/** Where a request is to go, and what is asked when that refuses. */
export type Destined = Pick<ExchangePlan & { kind: 'forward' }, 'target' | 'elsewhere'>

/** The connection for a request: dialled again if its plan knows another target. */
export function dialFor(plan: Destined, dial: Dial): ByteStream {
  const { target } = plan
  if (plan.elsewhere === undefined) return dial(target)
  return redial(dial, target, () => plan.elsewhere?.() ?? target)
}

/**
 * Dials `target`, and where that refuses what `elsewhere` names then, which may be `target` again.
 * `remote` is where the last dial went.
 */
export function redial(dial: Dial, target: Address, elsewhere: () => Address): ByteStream {
  const stream = new Redial(dial, target, elsewhere)
  SPECIMENS.dial = stream
  return stream
}

/** The connection itself, once there is one: what comes after the first exchange needs no go-between. */
export function settled(stream: ByteStream): ByteStream {
  return stream instanceof Redial ? (stream.connection ?? stream) : stream
}

class Redial implements ByteStream {
  readonly #dial: Dial
  #elsewhere: () => Address
  #stream: ByteStream
  #listener: StreamListener | null = null
  /** What was written before there was a connection; null once there is. */
  #pending: Buffer[] | null = []
  #pendingBytes = 0
  #paused = false
  #ended = false
  #dials = 1
  #timer: NodeJS.Timeout | undefined

  constructor(dial: Dial, target: Address, elsewhere: () => Address) {
    this.#dial = dial
    this.#elsewhere = elsewhere
    this.#stream = this.#open(target)
  }

  /** Null while there is none. */
  get connection(): ByteStream | null {
    return this.#pending === null ? this.#stream : null
  }

  get remote(): Address {
    return this.#stream.remote
  }

  get bytesRead(): number {
    return this.#stream.bytesRead
  }

  get bytesWritten(): number {
    return this.#stream.bytesWritten
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
    if (this.#pending === null) this.#stream.listen(listener)
  }

  write(chunk: Buffer): boolean {
    if (this.#pending === null) return this.#stream.write(chunk)
    // True says that the buffer may be used again.
    this.#pending.push(Buffer.from(chunk))
    this.#pendingBytes += chunk.length
    return this.#pendingBytes < PENDING_BYTES
  }

  writeSoon(chunk: Buffer): boolean {
    return this.#pending === null ? this.#stream.writeSoon(chunk) : this.write(chunk)
  }

  room(length: number): Buffer {
    return this.#pending === null ? this.#stream.room(length) : Buffer.allocUnsafe(length)
  }

  pause(): void {
    this.#paused = true
    if (this.#pending === null) this.#stream.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#pending === null) this.#stream.resume()
  }

  end(): void {
    this.#ended = true
    if (this.#pending === null) this.#stream.end()
  }

  close(): void {
    if (this.#pending === null) this.#stream.close()
    else this.#giveUp()
  }

  reset(): void {
    if (this.#pending === null) this.#stream.reset()
    else this.#giveUp()
  }

  /** Whoever dialled wants the connection no more before there is one. */
  #giveUp(): void {
    clearTimeout(this.#timer)
    this.#dials = Number.POSITIVE_INFINITY
    this.#stream.listen(DEAF)
    this.#stream.reset()
    queueMicrotask(() => this.#listener?.onClose(null))
  }

  #open(target: Address): ByteStream {
    const stream = this.#dial(target)
    stream.listen({
      onConnect: () => this.#connected(stream),
      onData: () => {},
      onEnd: () => {},
      onDrain: () => {},
      onClose: (error) => this.#failed(error),
    })
    return stream
  }

  #connected(stream: ByteStream): void {
    const pending = this.#pending ?? []
    const wasFull = this.#pendingBytes >= PENDING_BYTES
    this.#pending = null
    // It knows the request, which would be kept as long as the connection.
    this.#elsewhere = () => stream.remote
    if (this.#listener) stream.listen(this.#listener)
    if (this.#paused) stream.pause()
    else stream.resume()
    let takesMore = true
    for (const chunk of pending) takesMore = stream.write(chunk)
    if (this.#ended) stream.end()
    this.#listener?.onConnect?.()
    if (wasFull && takesMore) this.#listener?.onDrain()
  }

  #failed(error: NodeJS.ErrnoException | null): void {
    const pause = PAUSES_MS[this.#dials - 1]
    if (error?.code !== 'ECONNREFUSED' || pause === undefined) {
      this.#listener?.onClose(error)
      return
    }
    this.#dials++
    this.#timer = setTimeout(() => {
      this.#stream = this.#open(this.#elsewhere())
    }, pause)
  }
}
