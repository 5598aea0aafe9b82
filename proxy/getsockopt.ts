/** libc's `getsockopt`, which Node has no door to: called through koffi's native part. */
import { loadKoffi } from './koffi.ts'

/** `getsockopt` of libc: 0, or the errno. `value` is filled. */
export type GetSockOpt = (fd: number, level: number, name: number, value: Buffer) => number

/**
 * Binds libc's `getsockopt`.
 * @throws Error that says what is missing, with the loader's error as its cause
 */
export function loadGetSockOpt(): GetSockOpt {
  try {
    const koffi = loadKoffi()
    // `null` is the running program: Node has libc's symbols, be it glibc or musl.
    const getsockopt = koffi
      .load(null)
      .func('int getsockopt(int fd, int level, int name, void *value, void *length)')
    // A number in memory of ours: to have koffi make one for each call doubles what a call costs.
    const length = new Uint32Array(1)
    return (fd, level, name, value) => {
      length[0] = value.length
      const outcome = getsockopt(fd, level, name, value, length) as number
      return outcome === 0 ? 0 : koffi.errno()
    }
  } catch (cause) {
    throw new Error(
      `cannot call getsockopt through koffi on ${process.platform}-${process.arch}, so no intercepted connection can be served: install the packages koffi and @koromix/koffi-${process.platform}-${process.arch} beside the program`,
      { cause },
    )
  }
}
