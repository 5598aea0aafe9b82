/** What a program needs of a base: libraries, loader and the links on the way; what is lacking is named. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import type { BaseEntry, BaseRoot } from '../../../scripts/images/base-root.ts'
import { Closure } from '../../../scripts/images/closure.ts'
import { readElf } from '../../../scripts/images/elf.ts'

const AMD64 = { triplet: 'x86_64-linux-gnu', machine: 62 }

/** A base out of a table; a library's content is an ELF file with no needs of its own. */
function base(
  files: Record<string, string | Buffer>,
  links: Record<string, string> = {},
): BaseRoot {
  const folders = new Set(
    [...Object.keys(files), ...Object.keys(links)].flatMap((path) => {
      const parts = path.split('/').slice(0, -1)
      return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    }),
  )
  const look = (path: string): BaseEntry | null => {
    const target = links[path]
    if (target !== undefined) return { kind: 'link', target }
    if (path in files) return { kind: 'file', mode: 0o644 }
    return folders.has(path) ? { kind: 'folder' } : null
  }
  const read = (path: string) => Buffer.from(files[path] ?? '')
  return { name: 'the base', look, read, list: () => [] }
}

interface Wants {
  interpreter?: string
  needed?: string[]
  runPath?: string
  machine?: number
}

/** A small ELF file: a header, segments for the loader's name and the dynamic entries, and their texts. */
function elf({ interpreter, needed = [], runPath, machine = 62 }: Wants): Buffer {
  const texts = Buffer.from(`\0${[interpreter ?? '', ...needed, runPath ?? ''].join('\0')}\0`)
  const at = (text: string) => texts.indexOf(`\0${text}\0`) + 1
  const entries: [number, number][] = needed.map((name) => [1, at(name)])
  if (runPath !== undefined) entries.push([29, at(runPath)])
  const start = 64 + 3 * 56
  const dynamic = start + texts.length
  entries.push([5, start], [0, 0])
  const file = Buffer.alloc(dynamic + entries.length * 16)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file)
  file.writeUInt16LE(machine, 18)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(3, 56)
  const segment = (index: number, type: number, offset: number, bytes: number) => {
    const head = 64 + index * 56
    file.writeUInt32LE(type, head)
    for (const place of [8, 16]) file.writeBigUInt64LE(BigInt(offset), head + place)
    file.writeBigUInt64LE(BigInt(bytes), head + 32)
  }
  segment(0, 1, 0, file.length)
  segment(1, 2, dynamic, entries.length * 16)
  if (interpreter !== undefined) segment(2, 3, start + at(interpreter), interpreter.length + 1)
  texts.copy(file, start)
  entries.forEach(([tag, value], index) => {
    file.writeBigUInt64LE(BigInt(tag), dynamic + index * 16)
    file.writeBigUInt64LE(BigInt(value), dynamic + index * 16 + 8)
  })
  return file
}

test('the Node that runs this test needs what its loader says', () => {
  const facts = readElf(readFileSync(process.execPath))
  expect(facts?.interpreter).toMatch(/^\/lib.*\/ld-linux/)
  expect(facts?.needed).toEqual(expect.arrayContaining(['libc.so.6', 'libm.so.6']))
})

test('a text is no program', () => {
  expect(readElf(Buffer.from('#!/bin/sh\n'.repeat(20)))).toBeNull()
})

test('libraries of libraries, the loader and all links on the way come along, each once', () => {
  const files = {
    'usr/lib/x86_64-linux-gnu/libc-2.36.so': elf({}),
    'usr/lib/x86_64-linux-gnu/libfoo.so.1': elf({ needed: ['libc.so.6'] }),
    'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': elf({}),
    'usr/lib/x86_64-linux-gnu/libother.so': elf({}),
  }
  const links = {
    lib: 'usr/lib',
    lib64: '/usr/lib64',
    'usr/lib64/ld-linux-x86-64.so.2': '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
    'usr/lib/x86_64-linux-gnu/libc.so.6': 'libc-2.36.so',
  }
  const closure = new Closure(base(files, links), AMD64)
  const interpreter = '/lib64/ld-linux-x86-64.so.2'
  const content = elf({ interpreter, needed: ['libfoo.so.1', 'libc.so.6'] })
  closure.addProgram({ content, name: 'program', folder: 'usr/bin' })
  expect(closure.entries.map(({ path }) => path).toSorted()).toEqual([
    'lib',
    'lib64',
    'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
    'usr/lib/x86_64-linux-gnu/libc-2.36.so',
    'usr/lib/x86_64-linux-gnu/libc.so.6',
    'usr/lib/x86_64-linux-gnu/libfoo.so.1',
    'usr/lib64/ld-linux-x86-64.so.2',
  ])
})

test('a library beside the program is found where the program says', () => {
  const files = { 'opt/app/lib/libown.so': elf({}), 'lib/libown.so': elf({}) }
  const closure = new Closure(base(files), AMD64)
  const content = elf({ needed: ['libown.so'], runPath: '$ORIGIN/../lib' })
  closure.addProgram({ content, name: 'program', folder: 'opt/app/bin' })
  expect(closure.entries.map(({ path }) => path)).toEqual(['opt/app/lib/libown.so'])
})

test.each([
  [
    'a library that is not there',
    elf({ needed: ['libnone.so.1'] }),
    'program needs libnone.so.1, and the base does not have it',
  ],
  [
    'a loader that is not there',
    elf({ interpreter: '/lib64/ld-linux-x86-64.so.2' }),
    'program needs /lib64/ld-linux-x86-64.so.2, and the base does not have it',
  ],
  ['a program of another machine', elf({ machine: 183 }), 'program is for another machine'],
])('%s is named', (_, content, message) => {
  const closure = new Closure(base({ 'lib/x': '' }), AMD64)
  expect(() => closure.addProgram({ content, name: 'program', folder: 'bin' })).toThrow(message)
})

test('links in a circle lead nowhere', () => {
  const links = { 'lib/libc.so.6': 'libd.so', 'lib/libd.so': 'libc.so.6' }
  const closure = new Closure(base({}, links), AMD64)
  const content = elf({ needed: ['libc.so.6'] })
  expect(() => closure.addProgram({ content, name: 'program', folder: 'bin' })).toThrow('libc.so.6')
})
