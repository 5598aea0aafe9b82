import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { quote, type RootfsPlan, rootfsScript } from '../../playground/node/rootfs.ts'

const plan: RootfsPlan = {
  root: '/playground/pods/1/roots/app',
  repo: '/checkout',
  nodeBinary: '/checkout/node',
  etc: '/playground/etc',
  systemDirs: ['/usr'],
  systemLinks: { '/bin': 'usr/bin' },
  binds: [
    { from: '/playground/pods/1/resolv.conf', to: '/etc/resolv.conf', readOnly: false },
    { from: '/playground/pods/1/volumes/a', to: '/data', readOnly: true },
  ],
  links: { '/app': '/run/azds/app/dist' },
  readOnlyRoot: false,
  workingDir: '/srv',
  setpriv: ['--reuid', '1000'],
  variables: ['GREETING=it\'s "me" $HOME'],
  command: ['echo', 'a b'],
}
const lines = (more: Partial<RootfsPlan> = {}) => rootfsScript({ ...plan, ...more }).split('\n')

test('a read-only mount gets its flag in a second step, a writable one does not', () => {
  const script = lines()
  expect(script).toContain(
    "mount --bind '/playground/pods/1/volumes/a' '/playground/pods/1/roots/app/data'",
  )
  expect(script).toContain("mount -o remount,bind,ro '/playground/pods/1/roots/app/data'")
  expect(script).not.toContain(
    "mount -o remount,bind,ro '/playground/pods/1/roots/app/etc/resolv.conf'",
  )
})

test('the machine’s own programs and the repository are never writable', () => {
  expect(lines()).toContain("mount -o remount,bind,ro '/playground/pods/1/roots/app/usr'")
  expect(lines()).toContain("mount -o remount,bind,ro '/playground/pods/1/roots/app/run/azds/app'")
})

test('the old root is gone before the command runs, and the root is made read-only after that', () => {
  const script = lines({ readOnlyRoot: true })
  const order = ['pivot_root . .old', 'umount -l /.old', 'mount -o remount,bind,ro /', 'echo >&3']
  const places = order.map((line) => script.indexOf(line))
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect(places).not.toContain(-1)
  expect(script.at(-2)).toBe(
    `exec setpriv '--reuid' '1000' env -i 'GREETING=it'\\''s "me" $HOME' 'echo' 'a b' 3>&-`,
  )
  expect(lines()).not.toContain('mount -o remount,bind,ro /')
})

test('the script is one that a shell can read, whatever the paths are', () => {
  const script = rootfsScript({ ...plan, workingDir: "/it's $(odd) `dir`" })
  expect(() => execFileSync('sh', ['-n'], { input: script })).not.toThrow()
})

test('a quoted word reaches a program as it is', () => {
  const word = fc.string({ unit: 'grapheme-ascii', maxLength: 20 })
  fc.assert(
    fc.property(word, (text) => {
      const printed = execFileSync('sh', ['-c', `printf %s ${quote(text)}`], { encoding: 'utf8' })
      expect(printed).toBe(text)
    }),
    // Each one starts a shell.
    { numRuns: 30 },
  )
})
