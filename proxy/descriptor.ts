/** The file descriptor of a socket, which Node knows and does not tell. */
import type { Socket } from 'node:net'

/** -1 once the socket is closed. */
export function descriptorOf(socket: Socket): number {
  const handle = (socket as Socket & { _handle?: { fd?: number } | null })._handle
  return handle?.fd ?? -1
}
