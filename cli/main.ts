/** azds: a command line in, an exit code out. */
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { compileOnMainThread } from '../core/program-end.ts'
import { settings } from './config.ts'
import { processWorld } from './process-world.ts'
import { runLine } from './run.ts'

compileOnMainThread()

const stop = new AbortController()
process.on('SIGINT', () => {
  // The second Ctrl-C does not wait for anything.
  if (stop.signal.aborted) process.exit(130)
  stop.abort()
})
// `azds trace | head` closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const config = readConfig(settings, process.env)
if (config.ok) {
  const code = await runLine(
    process.argv.slice(2),
    processWorld(process, config.config, stop.signal),
  )
  process.exitCode = stop.signal.aborted ? 130 : code
} else {
  for (const mistake of config.mistakes) process.stderr.write(`azds: ${mistake}\n`)
  process.exitCode = EXIT_USAGE
}
