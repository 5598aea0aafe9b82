/**
 * One direction of a busy connection, passed on by the kernel: its bytes go from the socket through a pipe to
 * the other socket, and are never copied, here or there.
 */
import { constants } from 'node:os'
import { PassingStream } from './passing-stream.ts'
import type { Pipe, Pipes } from './pipes.ts'
import { errnoError } from './raw-bindings.ts'
import { BULK_BYTES } from './raw-loans.ts'
import type { ByteStream } from './stream.ts'

/** What has become of what could be read. */
export type Passed =
  /** All went on; what comes next will, too. */
  | 'watch'
  /** The receiver is full: the rest is in the pipe, and `flush` is to be called at its drain. */
  | 'stalled'
  /** What comes next is to be read: an end, an error, or nothing for a pipe. */
  | 'read'

const EAGAIN = -constants.errno.EAGAIN

/** No memory, for one: nothing is wrong with the connection, and a copy may do. */
const TRANSIENT = ['ENOMEM', 'ENOBUFS', 'EINTR']

/** Bytes that a connection may move in one go; the others are waiting. They take about 1 ms. */
const MOST_AT_ONCE = 2_097_152

/**
 * Bytes that are taken out of the pipe when the receiver is full: given to libuv, which waits until it has
 * room again. Each time they cost a segment of their own.
 */
const PIECE_BYTES = 4_096

/** So many times less than `BULK_BYTES`, one after the other, show that it is busy no more. */
const TRICKLES = 16

/** Null where the kernel cannot pass bytes from the one to the other. */
export function relayBetween(from: ByteStream, to: ByteStream): KernelRelay | null {
  if (!(from instanceof PassingStream && to instanceof PassingStream)) return null
  return from.pipes === null ? null : new KernelRelay(from, to, from.pipes)
}

export class KernelRelay {
  /** Bytes that were taken from the source so far. */
  taken = 0
  readonly #from: PassingStream
  readonly #to: PassingStream
  readonly #pipes: Pipes
  /** Held only while something is in it. */
  #pipe: Pipe | null = null
  /** What is in the pipe, in bytes. */
  #held = 0
  #trickles = 0

  constructor(from: PassingStream, to: PassingStream, pipes: Pipes) {
    this.#from = from
    this.#to = to
    this.#pipes = pipes
  }

  /** Bytes to be copied before this may begin, or begin again. */
  get afterBytes(): number {
    return this.#pipes.afterBytes
  }

  /**
   * From within `onData`: from now on `pass` is to be called when there is something. False: not now.
   * @param count bytes of the last read, by which it can be told whether many are on their way
   */
  begin(count: number): boolean {
    if (count < Math.min(BULK_BYTES, this.afterBytes)) return false
    if (!this.#to.isClear || !this.#pipes.work) return false
    this.#trickles = 0
    this.#from.watch()
    return true
  }

  /** Passes on what has come. */
  pass(): Passed {
    if (!this.#to.isClear) return 'read'
    this.#pipe = this.#pipes.take()
    if (this.#pipe === null) return 'read'
    const before = this.taken
    for (;;) {
      const count = this.#pipes.move(this.#from.fd, this.#pipe.writer, this.#pipe.bytes)
      if (count <= 0) {
        this.end()
        return this.#afterLast(count, this.taken - before)
      }
      this.taken += count
      this.#from.bytesRead += count
      this.#held = count
      if (!this.#empty()) return 'stalled'
      if (this.#pipe === null) return 'read'
      if (this.taken - before < MOST_AT_ONCE) continue
      this.end()
      return 'watch'
    }
  }

  /** Sends what is in the pipe. False: not all, and to be called again at the receiver's drain. */
  flush(): boolean {
    if (!this.#empty()) return false
    this.end()
    return true
  }

  /** Gives the pipe back; what is in it is lost. */
  end(): void {
    const pipe = this.#pipe
    if (pipe === null) return
    this.#pipe = null
    if (this.#held === 0) this.#pipes.give(pipe)
    else this.#pipes.discard(pipe)
    this.#held = 0
  }

  #empty(): boolean {
    while (this.#pipe !== null && this.#held > 0) {
      // Nobody is there to get it.
      if (!this.#to.isClear) this.end()
      else if (!this.#send(this.#pipe)) return false
    }
    return true
  }

  /** False if the receiver is full. */
  #send(pipe: Pipe): boolean {
    const count = this.#pipes.move(pipe.reader, this.#to.fd, this.#held)
    if (count > 0) {
      this.#held -= count
      this.#to.sent += count
      this.#pipes.passed += count
      return true
    }
    if (count === EAGAIN) return this.#copy(pipe, PIECE_BYTES)
    const { code = '' } = errnoError(count, 'write')
    if (this.#pipes.isRefusal(code) || TRANSIENT.includes(code)) return this.#copy(pipe, this.#held)
    this.#to.failed(count, 'write')
    return true
  }

  /** Sends the next bytes as a copy; false if libuv has to wait before they are taken. */
  #copy(pipe: Pipe, most: number): boolean {
    const piece = this.#pipes.read(pipe, Math.min(most, this.#held))
    this.#held -= piece.length
    return this.#to.write(piece)
  }

  /** @param passed bytes that went before, in one go */
  #afterLast(count: number, passed: number): Passed {
    if (count === EAGAIN) return this.#isTrickle(passed) ? 'read' : 'watch'
    // The end: the reader sees it as well.
    if (count === 0) return 'read'
    const { code = '' } = errnoError(count, 'read')
    if (this.#pipes.isRefusal(code) || TRANSIENT.includes(code)) return 'read'
    // To have told is to have forgotten: to a reader this would look like an orderly end.
    this.#from.failed(count, 'read')
    return 'watch'
  }

  #isTrickle(passed: number): boolean {
    // Something is there that a pipe does not take, such as urgent data.
    if (passed === 0) return true
    this.#trickles = passed < BULK_BYTES ? this.#trickles + 1 : 0
    return this.#trickles >= TRICKLES
  }
}
