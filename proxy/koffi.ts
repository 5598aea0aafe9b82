/** koffi, by which functions of libc are called that Node has no door to. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

export type Koffi = Pick<typeof import('koffi'), 'load' | 'errno'>

let loaded: Koffi | null = null

/**
 * The same for whoever asks.
 * @throws the loader's error where koffi is not beside the program
 */
export function loadKoffi(): Koffi {
  loaded ??= loadNative() ?? loadWhole()
  return loaded
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
    const module: { exports: Partial<Koffi> } = { exports: {} }
    try {
      process.dlopen(module, file)
    } catch {
      // Built for the other libc.
      continue
    }
    const { load, errno } = module.exports
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
