/** Which files of a base root filesystem some programs need to run: libraries, loader, and the links that lead to them. */
import { posix } from 'node:path'
import type { BaseRoot } from './base-root.ts'
import { readElf } from './elf.ts'
import type { Entry } from './tar.ts'

/** Where the loader looks by itself (ld.so(8)), Debian's folders for several machines among them. */
const LIBRARY_FOLDERS = (triplet: string) => [
  ...[`lib/${triplet}`, `usr/lib/${triplet}`],
  ...['lib64', 'usr/lib64', 'lib', 'usr/lib'],
]
/** More links than this on one path are a circle; Linux gives up at 40 too. */
const MAX_LINKS = 40

/** A program: a path in the base, or bytes from elsewhere with the folder that they will lie in. */
export type Root = { path: string } | { content: Buffer; name: string; folder: string }

/** Collects files of one base; what is asked for twice is there once. */
export class Closure {
  readonly #base: BaseRoot
  readonly #triplet: string
  readonly #machine: number
  readonly #entries = new Map<string, Entry>()

  /** @param machine `e_machine` of what may be in it */
  constructor(base: BaseRoot, platform: { triplet: string; machine: number }) {
    this.#base = base
    this.#triplet = platform.triplet
    this.#machine = platform.machine
  }

  get entries(): Entry[] {
    return [...this.#entries.values()]
  }

  /**
   * Adds what the program needs, and itself if it is of the base.
   * @throws with the name of the program and of what is lacking
   */
  addProgram(root: Root): void {
    if ('path' in root) {
      this.#addFile(root.path, root.path)
      return
    }
    this.#addNeeds(root.content, root.folder, root.name)
  }

  /** Adds a file or link of the base as it is, if it is there; a link's target too. */
  addIfThere(path: string): void {
    if (this.#resolve(path) !== null) this.#addFile(path, path)
  }

  #addFile(path: string, forWhom: string): void {
    const real = this.#resolve(path)
    if (real === null) {
      throw new Error(`${forWhom} needs /${path}, and ${this.#base.name} does not have it`)
    }
    if (this.#entries.has(real)) return
    const found = this.#base.look(real)
    if (found?.kind !== 'file') throw new Error(`/${path} of ${this.#base.name} is no file`)
    const content = this.#base.read(real)
    this.#entries.set(real, { path: real, kind: 'file', mode: found.mode, content })
    this.#addNeeds(content, posix.dirname(real), `/${real}`)
  }

  #addNeeds(content: Buffer, folder: string, name: string): void {
    const elf = readElf(content)
    if (!elf) return
    if (elf.machine !== this.#machine) {
      throw new Error(
        `${name} is for another machine (ELF ${elf.machine}, wanted ${this.#machine}): give --platform, --base and --node that fit each other`,
      )
    }
    if (elf.interpreter !== null) this.#addFile(elf.interpreter.slice(1), name)
    const own = elf.runPath.map((path) =>
      posix.normalize(path.replace(/\$(ORIGIN|\{ORIGIN\})/, `/${folder}`)).slice(1),
    )
    const folders = [...own, ...LIBRARY_FOLDERS(this.#triplet)]
    for (const library of elf.needed) {
      const home = folders.find((each) => this.#exists(`${each}/${library}`))
      if (home === undefined) {
        throw new Error(`${name} needs ${library}, and ${this.#base.name} does not have it`)
      }
      this.#addFile(`${home}/${library}`, name)
    }
  }

  #exists(path: string): boolean {
    return this.#walk(path, () => {}) !== null
  }

  /** The path without links; adds every link on the way. */
  #resolve(path: string): string | null {
    const links: Entry[] = []
    const real = this.#walk(path, (link) => links.push(link))
    if (real !== null) for (const link of links) this.#entries.set(link.path, link)
    return real
  }

  #walk(path: string, onLink: (link: Entry & { kind: 'link' }) => void): string | null {
    let rest = path.split('/')
    let real = ''
    for (let links = 0; rest.length > 0; ) {
      const [part = '', ...after] = rest
      const here = posix.join(real, part)
      const found = this.#base.look(here)
      if (!found) return null
      if (found.kind !== 'link') {
        real = here
        rest = after
        continue
      }
      links += 1
      if (links > MAX_LINKS) return null
      onLink({ path: here, kind: 'link', target: found.target })
      // A target is relative to the link's folder, or to the root.
      const target = posix.join('/', real, found.target)
      const absolute = found.target.startsWith('/') ? posix.normalize(found.target) : target
      rest = [...absolute.slice(1).split('/'), ...after]
      real = ''
    }
    return real
  }
}
