/**
 * Saves what a peer has said before it reset a connection. Node throws away what it has not read as
 * soon as a write fails; but servers answer uploads early (413, 401) and close with the rest unread, which
 * is a reset, and their answer is what the client is to see.
 */
import type { Socket } from 'node:net'
import { descriptorOf } from './descriptor.ts'
import { readRest } from './unread-bytes.ts'

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
  yield* readRest(descriptorOf(socket))
}
