/** Connections of the raw transport whose writes are late, as where a kernel has no room. */
import type { TcpHandle } from '../../proxy/raw-bindings.ts'
import type { ByteStream } from '../../proxy/stream.ts'
import { writeNow } from '../../proxy/write-now.ts'
import { rawBindings } from './transports.ts'

interface Late {
  request: Parameters<TcpHandle['writeBuffer']>[0]
  /** The writer's own memory, which is read when it is sent and not before. */
  left: Buffer
}

/** How many of so many bytes are taken at once. */
export type Takes = (bytes: number) => number

/**
 * From now on what is written to a stream goes as libuv does it: what is not taken at once stays where it is and is sent
 * later, a part in each turn of the event loop.
 */
export function writeLate(stream: ByteStream, takes: Takes): void {
  const { handle } = stream as unknown as { handle: TcpHandle }
  const waiting: Late[] = []
  const send = (late: Late, most: number) => {
    if (most === 0) return
    const sent = handle.fd < 0 ? late.left.length : writeNow(handle.fd, late.left.subarray(0, most))
    // The peer is gone: the stream finds out by itself.
    late.left = late.left.subarray(sent < 0 ? late.left.length : sent)
  }
  const goOn = () => {
    const [first] = waiting
    if (first === undefined) return
    send(first, takes(first.left.length))
    if (first.left.length === 0) {
      waiting.shift()
      first.request.oncomplete(0)
    }
    setImmediate(goOn)
  }
  handle.writeBuffer = (request, bytes) => {
    const late = { request, left: bytes }
    if (waiting.length === 0) send(late, takes(bytes.length))
    rawBindings.state[rawBindings.asyncAt] = late.left.length === 0 ? 0 : 1
    if (late.left.length > 0 && waiting.push(late) === 1) setImmediate(goOn)
    return 0
  }
  Object.defineProperty(handle, 'writeQueueSize', {
    get: () => waiting.reduce((sum, { left }) => sum + left.length, 0),
  })
}
