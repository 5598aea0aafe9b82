/**
 * Sends the last bytes of a connection in one segment with its FIN. Sent by themselves, each would cost a walk
 * through the kernel, to the peer and back: of a connection with one small answer a tenth of all that it takes.
 */
import { loadKoffi } from './koffi.ts'

/**
 * Gives a socket its last bytes, and, if the kernel takes all of them, FIN. Says how many it has taken, or a
 * negative errno: 0 and less than all leave the socket open.
 */
export type SendLast = (fd: number, bytes: Buffer) => number

/** Values of Linux, the same on every architecture that Node runs on. */
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
/** What is less than a segment waits for more: here for FIN. */
const MSG_MORE = 0x8000
const SHUT_WR = 1
const EAGAIN = 11

/** Null where the calls cannot be made: then bytes and FIN go one after the other. */
export function loadSendLast(): SendLast | null {
  if (process.platform !== 'linux') return null
  try {
    return bind()
  } catch {
    return null
  }
}

function bind(): SendLast {
  const koffi = loadKoffi()
  const program = koffi.load(null)
  const send = program.func('int64_t send(int fd, void *bytes, size_t length, int flags)')
  const shutdown = program.func('int shutdown(int fd, int how)')
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE
  return (fd, bytes) => {
    const taken = send(fd, bytes, bytes.length, flags) as number
    if (taken < 0) {
      const errno = koffi.errno()
      return errno === EAGAIN ? 0 : -errno
    }
    // Closing sends FIN as well, but RST where the peer's bytes are unread, which throws away what waits for more.
    if (taken === bytes.length) shutdown(fd, SHUT_WR)
    return taken
  }
}
