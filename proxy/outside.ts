/** What the proxy needs of the outside world, so that tests can pass their own. */
import { fineClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { formatAddress } from '../core/routing-table.ts'
import { readAppSockets } from './app-presence.ts'
import { chooseTransport } from './choose-transport.ts'
import type { ProxyConfig } from './config.ts'
import type { Resolve } from './dns-fallback.ts'
import { loadGetSockOpt } from './getsockopt.ts'
import { createGiveBack } from './idle-memory.ts'
import { loadKoffi } from './koffi.ts'
import { openFilesLimit } from './open-files.ts'
import { createOriginalDestination, type FindOriginalDestination } from './original-destination.ts'
import type { Dial } from './stream.ts'
import { CONNECTION_FAULT, type DialOptions, type Transport } from './transport.ts'

export interface Outside {
  /** Accepts connections; `dial` is its other half. */
  transport: Transport
  originalDestination: FindOriginalDestination
  dial: Dial
  resolve: Resolve
  /** How many sockets the app beside this proxy has. */
  appSockets: () => Promise<number>
  /** Milliseconds since 1970, with fractions, never going back. */
  now: () => number
  random: () => number
  /** How many file descriptors this process may have. */
  openFilesLimit: number
  /** Gives back what the process does not need; null where it cannot. */
  giveBackMemory: (() => void) | null
  /** Address to listen on; all of both families if absent. */
  host?: string
}

/**
 * The real world.
 * @throws Error where `getsockopt` cannot be called, which only a sidecar needs, and where the
 *   transport that was asked for does not work
 */
export async function realOutside(config: ProxyConfig, log: Log): Promise<Outside> {
  const isGateway = config.mode === 'gateway'
  // As a global it is an accessor, and takes as long as the clock itself.
  const { performance: clock } = globalThis
  const transport = await chooseTransport(config.transport, log, config)
  const dialled: DialOptions = {
    timeoutMs: config.connectTimeoutMs,
    onFault: (err, { remote }) =>
      log.error({ err, target: formatAddress(remote) }, CONNECTION_FAULT),
  }
  return {
    transport,
    originalDestination: isGateway
      ? () => ({ kind: 'direct' })
      : createOriginalDestination(loadGetSockOpt()),
    dial: (target) => transport.dial(target, dialled),
    resolve: async (name, family) => {
      // Loaded where it is needed: 1 MB of memory.
      const { lookup } = process.getBuiltinModule('node:dns/promises')
      return (await lookup(name, { family, all: true })).map(({ address }) => address)
    },
    appSockets: isGateway ? async () => 0 : () => readAppSockets(config.proxyUid),
    now: fineClock({ wall: Date.now, steady: () => clock.now() }),
    random: Math.random,
    openFilesLimit: openFilesLimit(),
    giveBackMemory: createGiveBack(globalThis.gc, isGateway ? null : loadKoffi()),
  }
}
