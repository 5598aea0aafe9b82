/**
 * Proves that each bundle is whole: built within its budget, then started from an empty folder
 * that holds nothing but what its image would hold.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildAll, type Program } from './build.ts'

/**
 * How each program shows that all of it has loaded: started without configuration it names what is
 * missing and exits 64 (or, needing none, prints its help and exits 0).
 */
const STARTS: Record<Program, { args: string[]; code: number; says: RegExp }> = {
  proxy: { args: [], code: 64, says: /AZDS_POD_NAME is not set/ },
  'proxy-init': { args: ['--help'], code: 0, says: /--dry-run/ },
  prepull: { args: [], code: 64, says: /copy DIR/ },
  webhook: { args: [], code: 64, says: /AZDS_\w+/ },
  controller: { args: [], code: 64, says: /AZDS_\w+/ },
  azds: { args: ['--help'], code: 0, says: /azds space/ },
}

const folder = mkdtempSync(join(tmpdir(), 'azds-bundles-'))
let failed = 0
try {
  await buildAll(folder)
  for (const [name, { args, code, says }] of Object.entries(STARTS)) {
    // Nothing of the environment but what a container has: a variable left over could hide a fault.
    const env = {
      PATH: '/usr/bin:/bin',
      AZDS_LOG_LEVEL: name === 'webhook' || name === 'controller' ? 'no-such-level' : '',
    }
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(folder, `${name}.mjs`), ...args],
      {
        cwd: folder,
        env,
        encoding: 'utf8',
        timeout: 20_000,
      },
    )
    if (status === code && says.test(stdout + stderr)) continue
    failed += 1
    console.log(
      `${name}.mjs: expected exit code ${code} and ${says}, got ${status}:\n${stdout}${stderr}`,
    )
  }
} finally {
  rmSync(folder, { recursive: true })
}
process.exitCode = failed === 0 ? 0 : 1
