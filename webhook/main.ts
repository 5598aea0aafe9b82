/** The webhook program. */
import { readFileSync } from 'node:fs'
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { apiServiceOf, connect } from '../core/kube/connect.ts'
import { runUntilSignal } from '../core/lifecycle.ts'
import { RESOLV_CONF } from '../core/place.ts'
import { createPodLog } from '../core/pod-log.ts'
import { compilersAtRest } from '../core/program-end.ts'
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
  const log = createPodLog('webhook', config.logLevel)
  try {
    const client = await connect({
      kubeconfig: config.kubeconfig,
      service: apiServiceOf(process.env),
      namespace: config.namespace,
      userAgent: 'azds-webhook',
      directory: config.accountDir,
    })
    const app = await startWebhook({ config, client, log, resolvConf: readResolvConf() })
    const ending = await runUntilSignal(app, process, config.drainSeconds * 1000 + CLOSE_MS)
    log.info({ ending }, 'stopped')
    return ending === 'drained' ? 0 : 1
  } catch (error) {
    log.fatal({ error: (error as Error).message }, 'webhook cannot run')
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
