/** The sidecar `devspaces-proxy`, and with AZDS_MODE=gateway the preview gateway. */
import { EXIT_USAGE, readConfig } from '../core/config.ts'
import { runUntilSignal, type SignalSource } from '../core/lifecycle.ts'
import type { Log } from '../core/log.ts'
import { createPodLog } from '../core/pod-log.ts'
import { compilersAtRest } from '../core/program-end.ts'
import { LAST_TRACES_MS, type ProxyApp, startProxy } from './app.ts'
import { type ProxyConfig, settings, waitSettings } from './config.ts'
import { realOutside } from './outside.ts'
import { WAIT_TIMEOUT_MS, waitUntilReady } from './wait.ts'

/** The drain keeps its own deadline; this one, 1 s later, is for a drain that hangs. */
const LAST_RESORT_MS = LAST_TRACES_MS + 1000

if (process.argv[2] === 'wait') process.exit(await wait())
const code = await serve()
await compilersAtRest()
process.exit(code)

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
    const ends = endsOf(starting, log)
    const stopped = runUntilSignal(app, ends, config.drainDeadlineMs + LAST_RESORT_MS)
    log.info({ config }, 'starting')
    await starting
    log.info({ ending: await stopped }, 'stopped')
    return 0
  } catch (error) {
    log.fatal({ err: error }, 'the proxy failed')
    return 1
  }
}

/** Signals, and the end of a Job whose pod a sidecar of classic layout would keep for ever. */
function endsOf(starting: Promise<ProxyApp>, log: Log): SignalSource {
  return {
    on: (signal, listener) => {
      process.on(signal, listener)
      if (signal !== 'SIGTERM') return
      const finish = () => {
        log.info('the containers of the pod are done: the sidecar ends with them')
        listener()
      }
      // A start that fails is reported by who waits for it.
      void starting.then(({ finished }) => finished.then(finish)).catch(() => {})
    },
    off: (signal, listener) => process.off(signal, listener),
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
