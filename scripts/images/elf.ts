/** What a dynamically linked program says of itself: its machine, its loader, the libraries that it needs (elf(5)). */

export interface ElfFacts {
  /** `e_machine`: 62 is amd64, 183 arm64. */
  machine: number
  /** The loader's path, for programs; null for libraries and static programs. */
  interpreter: string | null
  /** Names of libraries, such as `libc.so.6`. */
  needed: string[]
  /** Folders to look in first; `$ORIGIN` stands for the file's own. */
  runPath: string[]
}

interface Segment {
  type: number
  offset: number
  address: number
  bytes: number
}

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_RPATH = 15
const DT_RUNPATH = 29

/** Null for a file that is no ELF file of 64 bits, little-endian: scripts and data need no libraries. */
export function readElf(file: Buffer): ElfFacts | null {
  const isElf = file.length >= 64 && file.toString('latin1', 0, 4) === '\x7fELF'
  if (!isElf || file[4] !== 2 || file[5] !== 1) return null
  const segments = readSegments(file)
  const machine = file.readUInt16LE(18)
  const named = segments.find(({ type }) => type === PT_INTERP)
  const interpreter = named ? textAt(file, named.offset) : null
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  if (!dynamic) return { machine, interpreter, needed: [], runPath: [] }
  const entries = readDynamic(file, dynamic)
  const table = entries.find(({ tag }) => tag === DT_STRTAB)
  const strings = table ? offsetOf(table.value, segments) : 0
  const texts = (wanted: number) =>
    entries.filter(({ tag }) => tag === wanted).map(({ value }) => textAt(file, strings + value))
  const folders = texts(DT_RUNPATH).length > 0 ? texts(DT_RUNPATH) : texts(DT_RPATH)
  const runPath = folders.flatMap((list) => list.split(':')).filter((folder) => folder !== '')
  return { machine, interpreter, needed: texts(DT_NEEDED), runPath }
}

function readSegments(file: Buffer): Segment[] {
  const first = Number(file.readBigUInt64LE(32))
  const size = file.readUInt16LE(54)
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = first + index * size
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      bytes: Number(file.readBigUInt64LE(at + 32)),
    }
  })
}

/** Pairs of 8 bytes each, up to one with tag 0. */
function readDynamic(file: Buffer, { offset, bytes }: Segment): { tag: number; value: number }[] {
  const entries: { tag: number; value: number }[] = []
  for (let at = offset; at < offset + bytes; at += 16) {
    const tag = Number(file.readBigInt64LE(at))
    if (tag === 0) break
    entries.push({ tag, value: Number(file.readBigUInt64LE(at + 8)) })
  }
  return entries
}

/** Where in the file is what will be at this address. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  const home = segments.find(
    (segment) =>
      segment.type === PT_LOAD &&
      address >= segment.address &&
      address < segment.address + segment.bytes,
  )
  if (!home) throw new Error(`an ELF file names the address ${address}, which it does not hold`)
  return address - home.address + home.offset
}

function textAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at))
}
