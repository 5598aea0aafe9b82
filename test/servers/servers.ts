/** The servers of a differential test and both ways to each: started before its tests, stopped after them. */
import { afterAll, beforeAll } from '@jest/globals'
import { startApache } from './apache.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'
import { startNode } from './node-server.ts'
import type { Origin } from './origin.ts'
import { openWays, type Ways } from './ways.ts'

/** Debian's servers need some 100 ms each; the rest is for a busy machine. */
const START_MS = 30_000

/**
 * To be called inside a `describe`. nginx and haproxy have the Node server behind some of their paths.
 * @param protocol what nginx, haproxy and Apache speak
 * @param others starts what is compared besides these three, by the name that the tests use; is given that Node server
 * @returns the ways by the server's name, filled when the tests run
 */
export function compareServers(
  protocol: 'http1' | 'h2c',
  others: (app: Origin) => Promise<Record<string, Origin>>,
): ReadonlyMap<string, Ways> {
  const started: Origin[] = []
  const ways = new Map<string, Ways>()

  beforeAll(async () => {
    const app = await startNode()
    started.push(app)
    const [nginx, haproxy, Apache] = await Promise.all([
      startNginx(app.port, protocol),
      startHaproxy(app.port, protocol),
      startApache(protocol),
    ])
    started.push(nginx, haproxy, Apache)
    const more = await others(app)
    started.push(...Object.values(more))
    for (const [name, origin] of Object.entries({ nginx, haproxy, Apache, ...more })) {
      ways.set(name, await openWays(origin))
    }
  }, START_MS)

  afterAll(async () => {
    for (const way of ways.values()) await way.close()
    await Promise.all([...new Set(started)].map((origin) => origin.close()))
  }, START_MS)

  return ways
}
