/** Running one program: output, exit code, input, and failures that name the program. */
import { expect, test } from '@jest/globals'
import { exec, execOk } from '../../core/exec.ts'

const node = process.execPath

test('output and exit code come back, whatever the code', async () => {
  const script = 'process.stdout.write("out"); process.stderr.write("err"); process.exitCode = 3'
  expect(await exec(node, ['-e', script])).toEqual({ code: 3, stdout: 'out', stderr: 'err' })
})

test('input reaches the program', async () => {
  const result = await exec(node, ['-e', 'process.stdin.pipe(process.stdout)'], { input: 'rules' })
  expect(result).toEqual({ code: 0, stdout: 'rules', stderr: '' })
})

test('a program that does not read its input does no harm', async () => {
  const result = await exec(node, ['-e', ''], { input: 'x'.repeat(1_000_000) })
  expect(result.code).toBe(0)
})

test('arguments are no shell text', async () => {
  const result = await exec(node, ['-p', 'process.argv[1]', '$(id); `id`'])
  expect(result.stdout).toBe('$(id); `id`\n')
})

test('extra environment variables add to those there are', async () => {
  const script = 'process.stdout.write([process.env.AZDS_X, process.env.PATH !== undefined].join())'
  const result = await exec(node, ['-e', script], { env: { AZDS_X: '1' } })
  expect(result.stdout).toBe('1,true')
})

test('a program that does not exist is named', async () => {
  await expect(exec('no-such-program', ['-a'])).rejects.toThrow(/no-such-program -a: .*ENOENT/)
})

test('a program that ignores SIGTERM still ends at the time-out', async () => {
  const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'
  await expect(exec(node, ['-e', script], { timeoutMs: 500 })).rejects.toThrow(
    /did not end within 500 ms/,
  )
})

test('execOk passes a success on', async () => {
  const run = async () => ({ code: 0, stdout: 'fine', stderr: '' })
  expect(await execOk(run, 'ip', ['link'])).toMatchObject({ stdout: 'fine' })
})

test.each([
  [{ stdout: 'said', stderr: ' why\n' }, 'ip link exited with 2: why'],
  [{ stdout: 'said\n', stderr: '' }, 'ip link exited with 2: said'],
  [{ stdout: '', stderr: '' }, 'ip link exited with 2: no output'],
])('execOk names command, code and output: %j', async (output, message) => {
  const run = async () => ({ code: 2, ...output })
  await expect(execOk(run, 'ip', ['link'])).rejects.toThrow(message)
})
