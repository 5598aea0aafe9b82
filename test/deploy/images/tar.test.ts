/** Archives: the same entries give the same bytes, and real tar and our own reader find the same in them. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Entry, foldersAbove, writeTar } from '../../../scripts/images/tar.ts'
import { readTar } from '../../../scripts/images/untar.ts'

const long = 'a-folder-with-a-long-name/'.repeat(6)
const ENTRIES: Entry[] = [
  { path: 'z', kind: 'file', mode: 0o644, content: Buffer.from('last') },
  { path: 'usr/bin/run', kind: 'file', mode: 0o755, content: Buffer.alloc(513, 'x') },
  { path: `${long}name`, kind: 'file', mode: 0o600, content: Buffer.from('long') },
  { path: 'lib', kind: 'link', target: 'usr/lib' },
  { path: 'far', kind: 'link', target: `/${long}name` },
  { path: 'tmp', kind: 'folder', mode: 0o1777 },
  { path: 'empty', kind: 'file', mode: 0o444, content: Buffer.alloc(0) },
  { path: 'ä/ö', kind: 'file', mode: 0o644, content: Buffer.from('ü') },
]

test('real tar unpacks what was put in, with modes, links and long names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'azds-tar-'))
  try {
    writeFileSync(join(folder, 'archive'), writeTar(ENTRIES))
    const { status, stderr } = spawnSync('tar', ['-xpf', 'archive'], { cwd: folder })
    expect([status, String(stderr)]).toEqual([0, ''])
    for (const entry of ENTRIES) {
      const path = join(folder, entry.path)
      if (entry.kind === 'link') expect(readlinkSync(path)).toBe(entry.target)
      if (entry.kind === 'file') expect(readFileSync(path)).toEqual(entry.content)
      if (entry.kind !== 'link') expect(statSync(path).mode & 0o7777).toBe(entry.mode)
    }
    expect(statSync(join(folder, 'usr/bin')).mode & 0o777).toBe(0o755)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('our reader reads what real tar writes, in each of its formats', () => {
  const folder = mkdtempSync(join(tmpdir(), 'azds-tar-'))
  try {
    writeFileSync(join(folder, 'archive'), writeTar(ENTRIES))
    spawnSync('tar', ['-xpf', 'archive'], { cwd: folder })
    rmSync(join(folder, 'archive'))
    writeFileSync(join(folder, 'same'), 'content')
    spawnSync('ln', ['same', 'twin'], { cwd: folder })
    for (const format of ['gnu', 'pax']) {
      const archive = spawnSync('tar', ['-cf', '-', '--format', format, '.'], { cwd: folder })
      const found = readTar(archive.stdout)
      for (const entry of ENTRIES) expect(found.get(entry.path)).toEqual(entry)
      expect(found.get('same')).toMatchObject({ content: Buffer.from('content') })
      expect(found.get('twin')).toMatchObject({ content: Buffer.from('content'), path: 'twin' })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const name = fc.stringMatching(/^[a-z]{1,60}$/)
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    path,
    kind: fc.constant('file' as const),
    mode: fc.constantFrom(0o644, 0o755),
    content: fc.uint8Array({ maxLength: 1200 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ path, kind: fc.constant('link' as const), target: path }),
)

test('whatever the order, the bytes are the same, and reading gives back the entries with the folders above them', () => {
  const entries = fc.uniqueArray(entry, { selector: ({ path }) => path, maxLength: 12 })
  fc.assert(
    fc.property(entries, (list) => {
      const archive = writeTar(list)
      expect(writeTar(list.toReversed())).toEqual(archive)
      const found = readTar(archive)
      for (const one of list) expect(found.get(one.path)).toEqual(one)
      const above = list.flatMap((one) => foldersAbove(one.path))
      expect(new Set(found.keys())).toEqual(new Set([...list.map((one) => one.path), ...above]))
    }),
  )
})

test('two entries of one path are refused', () => {
  const twice: Entry = { path: 'a', kind: 'link', target: 'b' }
  expect(() => writeTar([twice, twice])).toThrow('a is twice in one archive')
})

test('a damaged archive is refused', () => {
  const archive = writeTar(ENTRIES)
  expect(() => readTar(Buffer.from('<html>'.repeat(200)))).toThrow('no tar archive')
  const flipped = Buffer.from(archive)
  flipped.writeUInt8((flipped[3] ?? 0) ^ 1, 3)
  expect(() => readTar(flipped)).toThrow('damaged one: at byte 0')
})
