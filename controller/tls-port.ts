/** The TLS port as a whole: opened once there is a certificate, tried again until it stands, renewed in place. */

import type { Server } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { KeyPair } from '../core/authority/certificate.ts'
import type { AuthorityKeeper } from '../core/authority/keeper.ts'
import { applySecureContext } from '../core/authority/leaf.ts'
import { type End, endOf } from '../core/close-server.ts'
import { type Bound, listen } from '../core/listen.ts'
import type { Log } from '../core/log.ts'

export interface TlsPortParts {
  keepIdentity: () => Promise<AuthorityKeeper>
  createServer: (leaf: KeyPair) => Promise<FastifyInstance>
  host: string
  port: number
  /** Called with the certificates at once and after each change of them. */
  onIdentity: (identity: AuthorityKeeper) => void
  log: Log
}

export interface TlsPort {
  /** Resolves once it listens; not before the API server has given it a certificate. */
  readonly open: Promise<Bound>
  close(): Promise<void>
}

/** Pause before the next try (ms): the right to read the Secret may be granted in the meantime. */
const RETRY_MS = { first: 1000, last: 30_000 }
/** Open requests get this much longer (ms); each takes some ms. */
const CLOSE_MS = 1000

export function openTlsPort(parts: TlsPortParts): TlsPort {
  const { keepIdentity, createServer, host, port, onIdentity, log } = parts
  const stopped = new AbortController()
  const opened = Promise.withResolvers<Bound>()
  let identity: AuthorityKeeper | null = null
  let app: FastifyInstance | null = null
  let end: End | null = null

  async function tryToOpen(): Promise<Bound> {
    identity ??= await begin()
    onIdentity(identity)
    app = await createServer(identity.leaf())
    end = endOf(app)
    return listen(app, host, port)
  }

  /** Once, however often the port is tried: the server of the latest try is the one that shows the certificate. */
  async function begin(): Promise<AuthorityKeeper> {
    const keeper = await keepIdentity()
    keeper.onChange(() => {
      if (app) applySecureContext(app.server as unknown as Server, keeper.leaf())
      onIdentity(keeper)
    })
    return keeper
  }

  async function run(): Promise<void> {
    for (let pauseMs = RETRY_MS.first; !stopped.signal.aborted; ) {
      try {
        opened.resolve(await tryToOpen())
        return
      } catch (error) {
        await app?.close()
        log.warn({ error: (error as Error).message, retryMs: pauseMs }, 'TLS port is not open')
      }
      await sleep(pauseMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, RETRY_MS.last)
    }
  }

  const running = run()
  return {
    open: opened.promise,
    async close() {
      stopped.abort()
      await end?.(CLOSE_MS)
      identity?.close()
      // A try that is under way ends by itself; what it has opened is closed after it.
      void running.then(async () => {
        identity?.close()
        await app?.close()
      })
    },
  }
}
