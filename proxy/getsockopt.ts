/** libc's `getsockopt`, which Node has no door to: called through koffi's native part. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** `getsockopt` of libc: 0, or the errno. `value` is filled. */
export type GetSockOpt = (fd: number, level: number, name: number, value: Buffer) => number

type Koffi = Pick<typeof import('koffi'), 'load' | 'errno'>

/**
 * Loads koffi and binds libc's `getsockopt`.
 * @throws Error that says what is missing, with the loader's error as its cause
 */
export function loadGetSockOpt(): GetSockOpt {
  try {
    const koffi = loadNative() ?? loadWhole()
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

/**
 * koffi's native part alone, from the platform's package: 1 MB and 2 ms. Its JavaScript adds nothing
 * that is used here but a search for the right file, with which it takes 6 MB and 15 ms of every
 * pod. Null where the file is not at its usual place, or is not for this libc.
 */
function loadNative(): Koffi | null {
  const { platform, arch } = process
  const folder = findUpwards(`node_modules/@koromix/koffi-${platform}-${arch}`)
  if (folder === null) return null
  for (const libc of [platform, 'musl']) {
    const file = `${folder}/${libc}_${arch}/koffi.node`
    const loaded: { exports: Partial<Koffi> } = { exports: {} }
    try {
      process.dlopen(loaded, file)
    } catch {
      // Built for the other libc.
      continue
    }
    const { load, errno } = loaded.exports
    if (load && errno) return { load, errno }
  }
  return null
}

function loadWhole(): Koffi {
  const { createRequire } = process.getBuiltinModule('node:module')
  return createRequire(import.meta.url)('koffi')
}

/** As Node looks for packages: beside this file, or in a folder above. */
function findUpwards(path: string): string | null {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = `${folder === '/' ? '' : folder}/${path}`
    if (existsSync(found)) return found
    if (folder === dirname(folder)) return null
  }
}
