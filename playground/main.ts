/** `npm start`: a one-machine cluster with the sample app, and what spaces do in it. */
import { exec } from '../core/exec.ts'
import { compilersAtRest } from '../core/program-end.ts'
import { clusterSupport } from './cluster-support.ts'
import { helpText, readOptions } from './options.ts'
import { runForever, runOnce } from './run.ts'

const options = readOptions(process.argv.slice(2))
const uid = process.getuid?.() ?? -1

if (options.kind === 'help') {
  console.log(helpText())
} else if (options.kind === 'wrong') {
  console.error(options.message)
  process.exitCode = 64
} else {
  const machine = { platform: process.platform, uid, path: process.env['PATH'] ?? '', exec }
  const problem = await clusterSupport(machine)
  if (problem !== null) {
    console.error(problem)
    process.exitCode = 1
  } else {
    const world = { env: process.env, uid, exec, signals: process, terminal: process.stdout }
    process.exitCode = options.once ? await runOnce(world) : await runForever(world)
    await compilersAtRest()
  }
}
