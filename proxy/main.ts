/** The sidecar `devspaces-proxy`, and with AZDS_MODE=gateway the preview gateway. */
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { runUntilSignal } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import { createPodLog } from '../core/pod-log.ts'
import { LAST_TRACES_MS, startProxy } from './app.ts'
import { type ProxyConfig, settings, waitSettings } from './config.ts'
import { realOutside } from './outside.ts'
import { WAIT_TIMEOUT_MS, waitUntilReady } from './wait.ts'

/** The drain keeps its own deadline; this one, 1 s later, is for a drain that hangs. */
const LAST_RESORT_MS = LAST_TRACES_MS + 1000

process.exit(process.argv[2] === 'wait' ? await wait() : await serve())

async function serve(): Promise<number> {
  const read = readConfig(settings, process.env)
  if (!read.ok) return complain(read.mistakes)
  const log = createPodLog('proxy', read.config.logLevel)
  return run(read.config, log)
}

async function run(config: ProxyConfig, log: Log): Promise<number> {
  try {
    const starting = realOutside(config, log).then((outside) => startProxy(config, log, outside))
    // Listened to from now on: a signal during the start would be lost, or end it without a drain.
    const app = { close: async () => (await starting).close() }
    const stopped = runUntilSignal(app, process, config.drainDeadlineMs + LAST_RESORT_MS)
    log.info({ config }, 'starting')
    await starting
    log.info({ ending: await stopped }, 'stopped')
    return 0
  } catch (error) {
    log.fatal({ err: error }, 'the proxy failed')
    return 1
  }
}

async function wait(): Promise<number> {
  const read = readConfig(waitSettings, process.env)
  if (!read.ok) return complain(read.mistakes)
  const { adminPort } = read.config
  if (await waitUntilReady({ adminPort, timeoutMs: WAIT_TIMEOUT_MS })) return 0
  return complain(
    [`the proxy on port ${adminPort} was not ready in ${WAIT_TIMEOUT_MS / 1000} s`],
    1,
  )
}

function complain(mistakes: string[], code = EXIT_USAGE): number {
  for (const mistake of mistakes) process.stderr.write(`${mistake}\n`)
  return code
}
