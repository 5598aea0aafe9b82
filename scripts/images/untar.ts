/** Reads archives of files: base root filesystems as `docker export`, debootstrap and others write them. */
import type { Entry } from './tar.ts'

const BLOCK = 512

/**
 * The archive's files, folders and links by path, without `./` and without a slash at either end. A hard link has the
 * content of its target. Devices and the like are left out. Understands ustar, pax and GNU's long names.
 * @throws if it is damaged
 */
export function readTar(archive: Buffer): Map<string, Entry> {
  const found = new Map<string, Entry>()
  let long: { path?: string; linkpath?: string } = {}
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const head = archive.subarray(at, at + BLOCK)
    if (head.every((byte) => byte === 0)) break
    checkSum(head, at)
    const bytes = size(head)
    const content = archive.subarray(at + BLOCK, at + BLOCK + bytes)
    if (content.length < bytes) throw new Error(`the archive ends within the file at ${at}`)
    at += BLOCK + Math.ceil(bytes / BLOCK) * BLOCK
    const type = String.fromCharCode(head[156] ?? 0)
    if (type === 'x') long = { ...long, ...paxRecords(content) }
    else if (type === 'L') long.path = text(content, 0, content.length)
    else if (type === 'K') long.linkpath = text(content, 0, content.length)
    else if (type !== 'g') {
      keep(found, { head, type, content, long })
      long = {}
    }
  }
  return found
}

interface Found {
  head: Buffer
  type: string
  content: Buffer
  long: { path?: string; linkpath?: string }
}

function keep(found: Map<string, Entry>, { head, type, content, long }: Found): void {
  const prefix = text(head, 345, 155)
  const short = text(head, 0, 100)
  const path = cleaned(long.path ?? (prefix ? `${prefix}/${short}` : short))
  if (path === '') return
  const mode = Number.parseInt(text(head, 100, 8).trim() || '0', 8) & 0o7777
  const target = long.linkpath ?? text(head, 157, 100)
  if (type === '0' || type === '\0') found.set(path, { path, kind: 'file', mode, content })
  if (type === '5') found.set(path, { path, kind: 'folder', mode })
  if (type === '2') found.set(path, { path, kind: 'link', target })
  if (type !== '1') return
  const same = found.get(cleaned(target))
  if (same?.kind !== 'file') throw new Error(`${path} is a link to ${target}, which is not there`)
  found.set(path, { ...same, path })
}

function cleaned(path: string): string {
  return path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')
}

function checkSum(head: Buffer, at: number): void {
  const written = Number.parseInt(text(head, 148, 8).trim(), 8)
  const sum = head.reduce(
    (total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte),
    0,
  )
  if (written !== sum) throw new Error(`no tar archive, or a damaged one: at byte ${at}`)
}

/** Octal digits, or, for more than 8 GiB, a number in binary. */
function size(head: Buffer): number {
  if ((head[124] ?? 0) & 0x80) return Number(head.readBigUInt64BE(128))
  return Number.parseInt(text(head, 124, 12).trim() || '0', 8)
}

function text(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

function paxRecords(content: Buffer): { path?: string; linkpath?: string } {
  const records: Record<string, string> = {}
  for (let at = 0; at < content.length; ) {
    const length = Number.parseInt(content.toString('latin1', at, content.indexOf(0x20, at)), 10)
    if (!(length > 0)) throw new Error('a damaged pax header')
    const record = content.toString('utf8', at, at + length - 1)
    const [, key = '', value = ''] = /^\d+ ([^=]+)=(.*)$/s.exec(record) ?? []
    records[key] = value
    at += length
  }
  return records
}
