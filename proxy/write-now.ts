/** Writes as much as the kernel takes at once, and leaves nothing with libuv, which would read it later. */
import { writeSync } from 'node:fs'
import { constants } from 'node:os'

const { EAGAIN } = constants.errno

/** How many bytes a socket's descriptor has taken, or a negative errno. */
export function writeNow(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes, 0, bytes.length)
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException
    return errno === -EAGAIN ? 0 : errno
  }
}
