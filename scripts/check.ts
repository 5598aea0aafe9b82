/** Everything that can be known without running the product; ends with `N passed, N failed`. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')
const JEST = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']

/** Each check: what it proves, and the command that repeats it alone. */
const CHECKS: { name: string; command: string; args: string[] }[] = [
  { name: 'format and lint', command: join(BIN, 'biome'), args: ['ci', '--colors=off', '.'] },
  { name: 'types', command: join(BIN, 'tsc'), args: ['--noEmit'] },
  { name: 'types of the viewer', command: join(BIN, 'tsc'), args: ['--noEmit', '-p', 'viewer'] },
  {
    name: 'borders and documents',
    command: process.execPath,
    args: [...JEST, '--selectProjects', 'unit', '--testPathPatterns', 'test/repo'],
  },
  { name: 'generated documents', command: process.execPath, args: ['scripts/docs.ts', '--check'] },
  { name: 'manifests', command: process.execPath, args: ['scripts/manifests.ts', '--check'] },
  { name: 'bundles', command: process.execPath, args: ['scripts/check-bundles.ts'] },
]

let failed = 0
for (const { name, command, args } of CHECKS) {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (status === 0) continue
  failed += 1
  console.log(`${stdout}${stderr}`)
}
console.log(`\n${CHECKS.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
