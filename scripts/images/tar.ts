/**
 * Archives of files as image layers hold them (ustar, with the names of POSIX.1-2001's pax where they are long): the same
 * entries give the same bytes, whoever makes them, where and when.
 */

export type Entry =
  | { path: string; kind: 'file'; mode: number; content: Uint8Array }
  | { path: string; kind: 'folder'; mode: number }
  | { path: string; kind: 'link'; target: string }

const BLOCK = 512
/** What the two fields of ustar hold, in bytes. */
const NAME_BYTES = 100

/**
 * Sorted by path, with the folders that lie above each entry; everything belongs to root and dates from 1970.
 * @throws if a path is there twice
 */
export function writeTar(entries: readonly Entry[]): Buffer {
  const all = withFolders(entries)
  const parts = all.flatMap((entry) => [...longNames(entry), header(entry), ...contentOf(entry)])
  // Two empty blocks end an archive.
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function withFolders(entries: readonly Entry[]): Entry[] {
  const byPath = new Map<string, Entry>()
  for (const entry of entries) {
    if (byPath.has(entry.path)) throw new Error(`${entry.path} is twice in one archive`)
    byPath.set(entry.path, entry)
  }
  for (const { path } of entries) {
    for (const above of foldersAbove(path)) {
      if (!byPath.has(above)) byPath.set(above, { path: above, kind: 'folder', mode: 0o755 })
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** `a/b/c` → `a`, `a/b` */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

function contentOf(entry: Entry): Buffer[] {
  if (entry.kind !== 'file' || entry.content.length === 0) return []
  return [Buffer.from(entry.content), padding(entry.content.length)]
}

function padding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK)
}

const TYPE = { file: '0', link: '2', folder: '5', pax: 'x' } as const

/** A record of its own before the entry, where a name does not fit. */
function longNames(entry: Entry): Buffer[] {
  const records = [
    ['path', nameOf(entry)],
    ['linkpath', entry.kind === 'link' ? entry.target : ''],
  ].filter(([, value = '']) => Buffer.byteLength(value) > NAME_BYTES)
  if (records.length === 0) return []
  const text = Buffer.from(records.map(([key, value]) => paxRecord(`${key}=${value}`)).join(''))
  const head = block({ name: 'pax', mode: 0o644, bytes: text.length, type: TYPE.pax, target: '' })
  return [head, text, padding(text.length)]
}

/** `LENGTH key=value\n`, where the length counts its own digits. */
function paxRecord(pair: string): string {
  const rest = Buffer.byteLength(` ${pair}\n`)
  let length = rest + 1
  while (rest + String(length).length !== length) length += 1
  return `${length} ${pair}\n`
}

function nameOf(entry: Entry): string {
  return entry.kind === 'folder' ? `${entry.path}/` : entry.path
}

function header(entry: Entry): Buffer {
  return block({
    name: nameOf(entry),
    mode: entry.kind === 'link' ? 0o777 : entry.mode,
    bytes: entry.kind === 'file' ? entry.content.length : 0,
    type: TYPE[entry.kind],
    target: entry.kind === 'link' ? entry.target : '',
  })
}

interface Head {
  name: string
  mode: number
  bytes: number
  type: string
  target: string
}

function block({ name, mode, bytes, type, target }: Head): Buffer {
  const head = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, digits: number) =>
    head.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  const text = (value: string, at: number) => Buffer.from(value).copy(head, at, 0, NAME_BYTES)
  text(name, 0)
  octal(mode, 100, 7)
  octal(0, 108, 7) // uid
  octal(0, 116, 7) // gid
  octal(bytes, 124, 11)
  octal(0, 136, 11) // 1970
  head.write(type, 156, 'latin1')
  text(target, 157)
  head.write('ustar\x0000', 257, 'latin1')
  octal(0, 329, 7)
  octal(0, 337, 7)
  // The sum is taken with blanks in its own place.
  head.fill(' ', 148, 156)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return head
}
