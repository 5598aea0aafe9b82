/**
 * Saves what a peer has said before it reset a connection. Node throws away what it has not read as
 * soon as a write fails; but servers answer uploads early (413, 401) and close with the rest unread, which
 * is a reset, and their answer is what the client is to see.
 */
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import { descriptorOf } from './descriptor.ts'

/** One read, bytes: that of libuv. */
const READ_BYTES = 65_536

/** Most that is saved, bytes: the largest receive buffer of Linux' defaults (tcp_rmem). */
const MOST_BYTES = 6 * 1024 * 1024

/**
 * Calls `tell` with all that waits in Node's buffer and in the kernel's when a socket goes down by an
 * error, before its descriptor is closed.
 */
export function saveLastBytes(socket: Socket, tell: (chunk: Buffer) => void): void {
  const destroy = socket._destroy.bind(socket)
  socket._destroy = (error, done) => {
    if (error !== null && !socket.connecting) {
      for (const chunk of lastBytes(socket)) tell(chunk)
    }
    destroy(error, done)
  }
}

function* lastBytes(socket: Socket): Generator<Buffer> {
  const buffered: Buffer | null = socket.read()
  if (buffered !== null) yield buffered
  const fd = descriptorOf(socket)
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
