/** Frames as bytes, also wrong ones: what tests send (RFC 9113 4.1 and 6). */
import { CLIENT_PREFACE, FLAG, FRAME } from '../../../proxy/http2/frame.ts'

export { CLIENT_PREFACE }

const EMPTY = Buffer.alloc(0)

/** Any frame; `length` lies about the payload where a test wants that. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = EMPTY,
  length = payload.length,
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId >>> 0, 5)
  return Buffer.concat([header, payload])
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, at * 4)
  return bytes
}

export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(values.length * 6)
  for (const [at, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, at * 6)
    payload.writeUInt32BE(value >>> 0, at * 6 + 2)
  }
  return frame(FRAME.settings, 0, 0, payload)
}

export function settingsAck(): Buffer {
  return frame(FRAME.settings, FLAG.ack, 0)
}

export function ping(payload: string | Buffer = 'pingpong', flags = 0): Buffer {
  return frame(FRAME.ping, flags, 0, Buffer.from(payload as string, 'latin1'))
}

export function headers(
  streamId: number,
  block: Buffer,
  flags: number = FLAG.endHeaders | FLAG.endStream,
): Buffer {
  return frame(FRAME.headers, flags, streamId, block)
}

export function continuation(streamId: number, block: Buffer, isLast = true): Buffer {
  return frame(FRAME.continuation, isLast ? FLAG.endHeaders : 0, streamId, block)
}

export function data(streamId: number, payload: string | Buffer, endStream = false): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1')
  return frame(FRAME.data, endStream ? FLAG.endStream : 0, streamId, bytes)
}

/** A payload with its padding: length first, padding last. */
export function padded(payload: string | Buffer, padding: number, said = padding): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1')
  return Buffer.concat([Buffer.of(said), bytes, Buffer.alloc(padding)])
}

export function rstStream(streamId: number, code = 8): Buffer {
  return frame(FRAME.rstStream, 0, streamId, uint32(code))
}

export function priority(streamId: number, parent: number, weight = 15): Buffer {
  return frame(FRAME.priority, 0, streamId, Buffer.concat([uint32(parent), Buffer.of(weight)]))
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FRAME.windowUpdate, 0, streamId, uint32(increment))
}

export function goaway(lastStreamId: number, code: number, debug = ''): Buffer {
  return frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(lastStreamId, code), Buffer.from(debug)]))
}
