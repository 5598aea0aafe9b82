/** Starts the real controller on a free port over a fake API server, and reads its streams. */

import { type RunningController, startController } from '../../controller/app.ts'
import { settings } from '../../controller/config.ts'
import { readConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { FakeKube } from './fake-kube.ts'

export interface TestController extends RunningController {
  url: string
  kube: FakeKube
}

/** @param env settings that differ from: loopback, any port, data without sign-in, store in memory, no viewer */
export async function startTestController(
  env: Record<string, string> = {},
  kube = new FakeKube(),
): Promise<TestController> {
  const result = readConfig(settings, {
    AZDS_CONTROLLER_HOST: '127.0.0.1',
    AZDS_CONTROLLER_PORT: '0',
    AZDS_CONTROLLER_TLS_PORT: '0',
    AZDS_PLAIN_DATA: 'on',
    AZDS_DATA_DIR: ':memory:',
    AZDS_VIEWER_DIR: '/nonexistent',
    ...env,
  })
  if (!result.ok) throw new Error(result.mistakes.join('; '))
  const app = await startController({ config: result.config, kube, log: silentLog })
  return { ...app, kube, url: `http://127.0.0.1:${app.address.port}` }
}

export interface Stream {
  /** Resolves with the next piece of text between separators; null once the stream has ended. */
  next(): Promise<string | null>
  stop(): void
}

/** Opens a stream and cuts it at `separator`. */
export async function openStream(
  url: string,
  separator: string,
  headers: Record<string, string> = {},
): Promise<Stream> {
  const stopped = new AbortController()
  const answer = await fetch(url, { signal: stopped.signal, headers })
  if (!answer.ok || !answer.body) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  const next = async (): Promise<string | null> => {
    for (;;) {
      const end = rest.indexOf(separator)
      if (end >= 0) {
        const piece = rest.slice(0, end)
        rest = rest.slice(end + separator.length)
        return piece
      }
      const { done, value } = await reader.read()
      if (done) return null
      rest += value
    }
  }
  return { next, stop: () => stopped.abort() }
}
