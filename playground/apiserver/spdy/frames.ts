/**
 * Frames of SPDY/3.1, as far as streams that a client opens need them.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/ section 2.2
 */

export const TYPE = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, headers: 8 } as const

/** The sender has no more to say on this stream. */
export const FIN = 1

export type Frame =
  | { kind: 'data'; stream: number; flags: number; data: Buffer }
  | { kind: 'control'; type: number; flags: number; data: Buffer }

const HEAD = 8
const VERSION = 3

/** Takes bytes as they come and gives whole frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  read(bytes: Buffer): Frame[] {
    const frames: Frame[] = []
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= HEAD) {
      const end = HEAD + this.#rest.readUIntBE(5, 3)
      if (this.#rest.length < end) break
      const word = this.#rest.readUInt32BE(0)
      const flags = this.#rest.readUInt8(4)
      const data = this.#rest.subarray(HEAD, end)
      this.#rest = this.#rest.subarray(end)
      if (word >= 2 ** 31) frames.push({ kind: 'control', type: word & 0xffff, flags, data })
      else frames.push({ kind: 'data', stream: word, flags, data })
    }
    return frames
  }
}

function head(word: number, flags: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEAD)
  bytes.writeUInt32BE(word)
  bytes.writeUInt8(flags, 4)
  bytes.writeUIntBE(length, 5, 3)
  return bytes
}

export function dataFrame(stream: number, data: Buffer, flags = 0): Buffer {
  return Buffer.concat([head(stream, flags, data.length), data])
}

export function controlFrame(type: number, data: Buffer, flags = 0): Buffer {
  return Buffer.concat([head(2 ** 31 + VERSION * 2 ** 16 + type, flags, data.length), data])
}
