/**
 * What the kernel still holds of a peer's bytes when a write to it has failed. Servers answer uploads
 * early (413, 401) and close with the rest unread, which is a reset, and their answer is what the client
 * is to see.
 */
import { readSync } from 'node:fs'

/** One read, bytes: that of libuv. */
const READ_BYTES = 65_536

/** Most that is saved, bytes: the largest receive buffer of Linux' defaults (tcp_rmem). */
const MOST_BYTES = 6 * 1024 * 1024

/** Reads a socket's descriptor until nothing waits there any more. */
export function* readRest(fd: number): Generator<Buffer> {
  for (let left = MOST_BYTES; fd >= 0 && left > 0; ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    const length = readNow(fd, buffer)
    if (length === 0) return
    left -= length
    yield buffer.subarray(0, length)
  }
}

/** 0 at the end, and where nothing waits: the descriptor does not block. */
function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer)
  } catch {
    return 0
  }
}
