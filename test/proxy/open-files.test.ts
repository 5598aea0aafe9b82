import { expect, test } from '@jest/globals'
import { openFilesLimit, watchOpenFiles } from '../../proxy/open-files.ts'

test('the limit is the soft one of /proc, and infinite where there is none', () => {
  const limits =
    'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024      4096      files\n'
  expect(openFilesLimit(() => limits)).toBe(1024)
  expect(openFilesLimit(() => 'Max open files   unlimited  unlimited  files')).toBe(Infinity)
  const missing = () => {
    throw new Error('ENOENT')
  }
  expect(openFilesLimit(missing)).toBe(Infinity)
})

test('what is nearly used up is said once a minute, and not before', () => {
  const said: unknown[] = []
  let now = 0
  const watch = watchOpenFiles(1000, {
    log: { error: (fields: unknown) => void said.push(fields) },
    now: () => now,
  })
  watch(-1)
  watch(967)
  expect(said).toEqual([])
  watch(968)
  watch(999)
  expect(said).toEqual([{ descriptor: 968, limit: 1000 }])
  now = 60_000
  watch(10)
  watch(990)
  expect(said).toHaveLength(2)
})
