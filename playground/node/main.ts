/** The playground's node, process 1 of its own namespaces. Ends when its standard input does. */
import { writeSync } from 'node:fs'
import { EXIT_USAGE, readConfig } from '../../core/config.ts'
import { createLog } from '../../core/control-log.ts'
import { exec } from '../../core/exec.ts'
import { startNode } from './app.ts'
import { settings } from './config.ts'

/** Descriptor on which the host waits for one line. */
const REPORT = 3

const read = readConfig(settings, process.env)
if (!read.ok) {
  console.error(read.mistakes.join('\n'))
  process.exit(EXIT_USAGE)
}
// The host holds the other end as long as it lives. As process 1 ends, the kernel ends all others.
process.stdin.on('end', () => process.exit(0))
process.stdin.resume()

const log = createLog('playground', read.config.logLevel)
try {
  await startNode({ config: read.config, log, exec, nodeBinary: process.execPath })
  writeSync(REPORT, 'ready\n')
} catch (error) {
  log.fatal({ error: (error as Error).stack }, 'the node could not be started')
  process.exit(1)
}
