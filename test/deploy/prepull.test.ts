/** The program with which pulled images are held in use, as a real process of this machine. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { copyIdle } from '../../prepull/copy.ts'
import { ARCHITECTURES, idleProgram } from '../../prepull/idle-program.ts'
import { readElf } from '../../scripts/images/elf.ts'
import { manifests } from './manifests-fixture.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'azds-prepull-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('it is copied as a program that all may run and nobody may change, also over one that is there', async () => {
  const path = join(folder, 'idle')
  expect(await copyIdle(folder, 'x64')).toEqual({ ok: true, path })
  expect(await copyIdle(folder, 'arm64')).toEqual({ ok: true, path })
  expect((await stat(path)).mode & 0o777).toBe(0o555)
  expect(readElf(await readFile(path))).toMatchObject({ machine: 183 })
})

test('a machine that it is not made for, and a folder that is not there, are named', async () => {
  expect(await copyIdle(folder, 'riscv64')).toMatchObject({
    ok: false,
    problem: expect.stringContaining('no idle program for riscv64'),
  })
  const nowhere = join(folder, 'nowhere')
  expect(await copyIdle(nowhere, 'x64')).toMatchObject({
    ok: false,
    problem: expect.stringContaining(nowhere),
  })
})

test.each(ARCHITECTURES)(
  'for %s it needs no loader and no library, and is less than 300 bytes',
  (one) => {
    const program = Buffer.from(idleProgram(one))
    const machine = { x64: 62, arm64: 183 }[one]
    expect(readElf(program)).toEqual({ machine, interpreter: null, needed: [], runPath: [] })
    expect(program.length).toBeLessThan(300)
  },
)

test.each(['SIGTERM', 'SIGINT'] as const)(
  'it sleeps, also after it was stopped and went on, until %s ends it with 0',
  async (signal) => {
    const own = ARCHITECTURES.find((one) => one === arch())
    if (!own) throw new Error(`the project does not run on ${arch()}`)
    const path = join(folder, signal)
    await writeFile(path, idleProgram(own), { mode: 0o755 })
    const child = spawn(path, { stdio: 'ignore' })
    const ended = new Promise((resolve) => {
      child.once('exit', (code, by) => resolve({ code, by }))
    })
    await stateOf(child.pid, 'S')
    child.kill('SIGSTOP')
    await stateOf(child.pid, 'T')
    child.kill('SIGCONT')
    await stateOf(child.pid, 'S')
    child.kill(signal)
    expect(await ended).toEqual({ code: 0, by: null })
  },
)

/** Waits until the kernel says that the process is in this state, in rt_sigtimedwait where it sleeps. */
async function stateOf(pid: number | undefined, wanted: string): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    const program = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    const state = status.slice(status.lastIndexOf(')') + 2)[0]
    if (state === wanted && program.startsWith(folder)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('the DaemonSet runs it in every container that holds an image, from the folder that it is copied to', () => {
  const pod = manifests.find(({ kind }) => kind === 'DaemonSet')?.spec?.template?.spec
  const [copy, ...others] = pod?.initContainers ?? []
  expect(others).toEqual([])
  expect(copy?.args).toEqual(['copy', '/prepull'])
  const images = pod?.containers.map(({ name, command, volumeMounts }) => {
    expect(command).toEqual(['/prepull/idle'])
    expect(volumeMounts).toEqual([{ name: 'idle', mountPath: '/prepull', readOnly: true }])
    return name
  })
  expect(images).toEqual(['proxy', 'proxy-init', 'webhook', 'controller'])
})
