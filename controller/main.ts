/** The controller as a process. */
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { createLog } from '../core/control-log.ts'
import { apiServiceOf, connect } from '../core/kube/connect.ts'
import { runUntilSignal } from '../core/lifecycle.ts'
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import { startController } from './app.ts'
import { settings } from './config.ts'

const PROGRAM = 'controller'

async function main(): Promise<number> {
  const result = readConfig(settings, process.env)
  if (!result.ok) {
    createLog(PROGRAM, 'error').fatal({ mistakes: result.mistakes }, 'configuration is wrong')
    return EXIT_USAGE
  }
  const { config } = result
  const log = createLog(PROGRAM, config.logLevel)
  try {
    const kube = await connect({
      kubeconfig: config.kubeconfig,
      service: apiServiceOf(process.env),
      namespace: SYSTEM_NAMESPACE,
      userAgent: 'azds-controller',
    })
    const app = await startController({ config, kube, log })
    log.info({ ...app.address, apiServer: kube.server }, 'listening')
    const ending = await runUntilSignal(app, process, config.drainMs)
    log.info({ ending }, 'ended')
    return ending === 'drained' ? 0 : 1
  } catch (error) {
    log.fatal({ error: (error as Error).message }, 'cannot start')
    return 1
  }
}

process.exit(await main())
