import { expect, test } from '@jest/globals'
import type { Exec } from '../../core/exec.ts'
import { clusterSupport, namespaceCommand, searchPath } from '../../playground/cluster-support.ts'

const answering =
  (code: number, stderr = ''): Exec =>
  async () => ({ code, stdout: '', stderr })

const machine = { platform: 'linux', uid: 0, path: process.env['PATH'] ?? '', exec: answering(0) }

test('a system that is not Linux is pointed to kind', async () => {
  const problem = await clusterSupport({ ...machine, platform: 'darwin' })
  expect(problem).toMatch(/^The playground needs Linux, and this is darwin: use a kind cluster/)
})

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('root without the right to make namespaces is told so, with the cause', async () => {
  const exec = answering(1, 'unshare: unshare failed: Operation not permitted\nmore')
  expect(await clusterSupport({ ...machine, exec })).toBe(
    'The playground cannot make network namespaces here (unshare: unshare failed: Operation not permitted): a container needs --privileged, or use a kind cluster.',
  )
})

onLinux('another user is told how user namespaces are allowed', async () => {
  const exec = answering(1, 'unshare: write failed /proc/self/uid_map')
  expect(await clusterSupport({ ...machine, uid: 1000, exec })).toContain(
    'run it as root, or install uidmap',
  )
})

test('only a user who is not root needs a user namespace', () => {
  expect(namespaceCommand(0)).not.toContain('--user')
  expect(namespaceCommand(1000)).toEqual(expect.arrayContaining(['--user', '--map-auto']))
})

test('system tools are found even if PATH lacks their folders', () => {
  expect(searchPath('/opt/bin').split(':')).toEqual(
    expect.arrayContaining(['/opt/bin', '/usr/sbin', '/sbin']),
  )
  expect(searchPath('')).not.toMatch(/^:|::/)
})
