/** What a stream of libuv's needs so that the kernel can pass its bytes to another one. */
import { ListenedStream } from './listened-stream.ts'
import type { Pipes } from './pipes.ts'
import type { OnFault } from './transport.ts'

/**
 * With this to read into, libuv reads nothing and only tells that there is something. It has an address: what is
 * answered to a read into none Node does not take.
 */
export const NOTHING = Buffer.allocUnsafeSlow(8).subarray(0, 0)

export abstract class PassingStream extends ListenedStream {
  /** Null where nothing is to be passed. */
  readonly pipes: Pipes | null
  bytesRead = 0
  /** Bytes that were given to libuv, or came from a pipe. */
  sent = 0
  /** Nothing is read; the listener hears when something can be. */
  protected watching = false

  constructor(onFault: OnFault, pipes: Pipes | null) {
    super(onFault)
    this.pipes = pipes
  }

  /** -1 once it is closed. */
  abstract get fd(): number
  /** True while the next bytes may go to the kernel directly, because none wait before them. */
  abstract get isClear(): boolean
  /** A call of the kernel's has failed, with a negative errno, as this connection is over. */
  abstract failed(errno: number, syscall: 'read' | 'write'): void

  /** From within `onData`: what comes next is not read, but told by `onReadable`. */
  watch(): void {
    this.watching = true
  }

  /** @returns where the next read is to go; undefined while nothing is to be read */
  protected tellReadable(usual: Buffer): Buffer | undefined {
    let watching = false
    if (!this.dropped) {
      this.tell((listener) => {
        watching = listener.onReadable?.() ?? false
      })
    }
    this.watching = watching
    return watching ? undefined : usual
  }
}
