import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

/** Parts of the path of an exchange that are written down in compiled code by the shapes of their objects. */
const PATH = [
  ...['ExchangeRelay', '#readHead', '#finalHead', 'HttpRecorder', 'ParsedRequestHead'],
  ...['ParsedResponseHead', 'KeptHead', 'sendOn'],
]

test('what was compiled for exchanges is still there when memory has been given back at rest', async () => {
  const flags = ['--expose-gc', '--no-concurrent-recompilation', '--trace-opt', '--trace-deopt']
  const program = join(import.meta.dirname, 'rest-after-traffic.ts')
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [...flags, program], { maxBuffer: 64 * 1024 ** 2 })
  const [traffic = '', rest = ''] = stdout.split('== rest')
  const compiled = namesIn(traffic, /completed compiling .*<JSFunction (\S+) /g)
  expect(PATH.filter((name) => !compiled.includes(name))).toEqual([])
  expect(rest).toContain('== end')
  const lost = namesIn(rest, /<SharedFunctionInfo (\S+)>\).* weak objects/g)
  expect(PATH.filter((name) => lost.includes(name))).toEqual([])
}, 60_000)

function namesIn(text: string, pattern: RegExp): (string | undefined)[] {
  return [...text.matchAll(pattern)].map(([, name]) => name)
}
