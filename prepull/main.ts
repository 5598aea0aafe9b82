/** azds-image-prepull's init container: `copy DIR` leaves the program with which its other containers wait. */
import { arch } from 'node:os'
import { EXIT_USAGE } from '../core/config.ts'
import { compileOnMainThread } from '../core/program-end.ts'
import { copyIdle } from './copy.ts'

compileOnMainThread()
process.exitCode = await main(process.argv.slice(2))

async function main([command, folder, ...others]: string[]): Promise<number> {
  if (command !== 'copy' || folder === undefined || others.length > 0) {
    process.stderr.write('usage: prepull copy DIR\n')
    return EXIT_USAGE
  }
  const copied = await copyIdle(folder, arch())
  process[copied.ok ? 'stdout' : 'stderr'].write(`${copied.ok ? copied.path : copied.problem}\n`)
  return copied.ok ? 0 : 1
}
