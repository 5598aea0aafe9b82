/** The two ways to each server that the differential tests compare: a direct one, and one through two sidecars. */
import net from 'node:net'
import fc from 'fast-check'
import { type Chain, openChain } from './chain.ts'
import type { Origin } from './origin.ts'
import { openTap, type Tap } from './tap.ts'

export interface Way {
  /** Before the server. */
  tap: Tap
  connect(): net.Socket
}

export interface Ways {
  direct: Way
  through: Way
  close(): Promise<void>
}

export async function openWays({ port }: Pick<Origin, 'port'>): Promise<Ways> {
  const [direct, through] = await Promise.all([openTap(port), openTap(port)])
  const chain: Chain = await openChain(through.port)
  return {
    direct: {
      tap: direct,
      connect: () => net.connect({ port: direct.port, host: '127.0.0.1', allowHalfOpen: true }),
    },
    through: { tap: through, connect: () => chain.connect() },
    close: async () => {
      await chain.close()
      direct.close()
      through.close()
    },
  }
}

/** How many scripts each server is played: `usual`, some 3 s, or `AZDS_DIFFERENTIAL_RUNS`; 20,000 take some hours. */
export function runsOr(usual: number): number {
  return Number(process.env['AZDS_DIFFERENTIAL_RUNS'] ?? usual)
}

/** Most time that so many runs take, ms. */
export function timeoutFor(runs: number): number {
  return 60_000 + runs * 500
}

/** Plays `runs` random scripts. */
export function playAll<T>(
  scripts: fc.Arbitrary<T>,
  runs: number,
  play: (script: T) => Promise<void>,
): Promise<void> {
  return fc.assert(fc.asyncProperty(scripts, play), { numRuns: runs })
}
