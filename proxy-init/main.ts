/** devspaces-proxy-init: the init container that puts a pod's connections on the sidecar's path. */
import { networkInterfaces } from 'node:os'
import { EXIT_USAGE } from '../core/config.ts'
import { exec } from '../core/exec.ts'
import { createPodLog } from '../core/pod-log.ts'
import { compileOnMainThread } from '../core/program-end.ts'
import { preparePod, printPlan } from './app.ts'
import { helpText, readFlags, readInitConfig } from './config.ts'
import { hasIpv6Address } from './interfaces.ts'

compileOnMainThread()
process.exitCode = await main()

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2))
  if (!flags.ok) return refuse(flags.mistakes)
  if (flags.flags.help) {
    process.stdout.write(helpText())
    return 0
  }
  const result = readInitConfig(process.env)
  if (!result.ok) return refuse(result.mistakes)
  const { config } = result
  const log = createPodLog('proxy-init', config.logLevel)
  const world = {
    exec,
    log,
    print: (text: string) => void process.stdout.write(text),
    hasIpv6: hasIpv6Address(networkInterfaces()),
  }
  const act = flags.flags.dryRun ? printPlan : preparePod
  const outcome = await act(world, config)
  if (outcome.ok) return 0
  log.fatal({ problem: outcome.problem }, 'pod not prepared')
  return 1
}

function refuse(mistakes: readonly string[]): number {
  for (const mistake of mistakes) process.stderr.write(`${mistake}\n`)
  return EXIT_USAGE
}
