/** The webhook program. */
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { createLog } from '../core/control-log.ts'
import { createKubeClient } from '../core/kube/client.ts'
import { runUntilSignal } from '../core/lifecycle.ts'
import { startWebhook } from './app.ts'
import { settings } from './config.ts'

/** After the drain, open requests get this much longer (ms): twice the API server's time-out for us. */
const CLOSE_MS = 10_000

async function main(): Promise<number> {
  const result = readConfig(settings, process.env)
  if (!result.ok) {
    process.stderr.write(`${result.mistakes.join('\n')}\n`)
    return EXIT_USAGE
  }
  const { config } = result
  const log = createLog('webhook', config.logLevel)
  try {
    const app = await startWebhook({ config, client: createKubeClient(), log })
    const ending = await runUntilSignal(app, process, config.drainSeconds * 1000 + CLOSE_MS)
    log.info({ ending }, 'stopped')
    return ending === 'drained' ? 0 : 1
  } catch (error) {
    log.fatal({ error: (error as Error).message }, 'webhook cannot run')
    return 1
  }
}

process.exit(await main())
