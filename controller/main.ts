/** The controller as a process, and `azds-api`, which is the same program in another role. */
import { readFileSync } from 'node:fs'
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { createLog } from '../core/control-log.ts'
import { apiServiceOf, connect } from '../core/kube/connect.ts'
import { runUntilSignal } from '../core/lifecycle.ts'
import { RESOLV_CONF } from '../core/place.ts'
import { compilersAtRest } from '../core/program-end.ts'
import { startApi } from './api/app.ts'
import { startController } from './app.ts'
import { settings } from './config.ts'

/** Beyond its drain, `azds-api` needs this long (ms) to end what is open. */
const API_CLOSE_MS = 5000

async function main(): Promise<number> {
  const result = readConfig(settings, process.env)
  if (!result.ok) {
    createLog('controller', 'error').fatal({ mistakes: result.mistakes }, 'configuration is wrong')
    return EXIT_USAGE
  }
  const { config } = result
  const isApi = config.role === 'api'
  const program = isApi ? 'api' : 'controller'
  const log = createLog(program, config.logLevel)
  try {
    const kube = await connect({
      kubeconfig: config.kubeconfig,
      service: apiServiceOf(process.env),
      namespace: config.namespace,
      userAgent: `azds-${program}`,
      directory: config.accountDir,
    })
    const start = isApi ? startApi : startController
    const app = await start({ config, kube, log, resolvConf: readResolvConf() })
    log.info({ ...app.address, apiServer: kube.server }, 'listening')
    const drainMs = isApi ? config.apiDrainSeconds * 1000 + API_CLOSE_MS : config.drainMs
    const ending = await runUntilSignal(app, process, drainMs)
    log.info({ ending }, 'ended')
    return ending === 'drained' ? 0 : 1
  } catch (error) {
    log.fatal({ error: (error as Error).message }, 'cannot start')
    return 1
  }
}

function readResolvConf(): string {
  try {
    return readFileSync(RESOLV_CONF, 'utf8')
  } catch {
    return ''
  }
}

const code = await main()
await compilersAtRest()
process.exit(code)
