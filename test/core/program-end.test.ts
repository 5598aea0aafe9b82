import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const SOURCE = join(import.meta.dirname, '../../core/program-end.ts')

/** Functions that V8 finds worth compiling, one after the other. */
const HOT = `
  function heat(round) {
    const hot = new Function('n', 'let sum = ' + round + '; for (let at = 0; at < n; at++) sum = (sum * 31 + at) % 7919; return sum')
    for (let call = 0; call < 3000; call++) hot(100)
  }`

test('what is to compile on the main thread does not meet the compiler that waits for it', async () => {
  const { output, code } = await run(`
    import { compileOnMainThread } from ${JSON.stringify(SOURCE)}
    ${HOT}
    console.log('== before'); for (let round = 0; round < 20; round++) heat(round)
    compileOnMainThread()
    console.log('== after'); for (let round = 0; round < 20; round++) heat(round)`)
  const [, before = '', after = ''] = output.split(/== (?:before|after)/)
  expect(code).toBe(0)
  expect(before).toContain('MAGLEV')
  expect(after).not.toMatch(/marking .* MAGLEV/)
  expect(after).toContain('TURBOFAN')
})

test('a program in the midst of compiling ends with its exit code, and does nothing behind it', async () => {
  const { output, code } = await run(`
    import { compilersAtRest } from ${JSON.stringify(SOURCE)}
    ${HOT}
    for (let round = 0; round < 20; round++) heat(round)
    setInterval(() => {}, 1000)
    await compilersAtRest()
    process.exit(7)
    console.log('went on')`)
  expect(code).toBe(7)
  expect(output).not.toContain('went on')
})

/** @returns what V8 and the program said */
function run(program: string): Promise<{ output: string; code: number | null }> {
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--trace-opt', '--input-type=module', '-e', program],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ output, code }))
  })
}
