/**
 * What this sidecar tells the controller of itself when it opens its feed: for those who ask from outside whether
 * a pod can find its ancestors' Services, without a program run inside it.
 */
import type { SidecarReport } from '../core/routing-feed.ts'
import type { RoutingTable } from '../core/routing-table.ts'
import project from '../package.json' with { type: 'json' }
import type { Resolve } from './dns-fallback.ts'

/** Over how long (ms) sidecars spread what they have to tell after their first table. */
const SPREAD_MS = 30_000

export interface SidecarReportOptions {
  table: RoutingTable
  /** The pod's space. */
  space: string
  resolve: Resolve
  random: () => number
  /** Opens the feed anew, so that the controller hears. */
  tell: () => void
  /** Text of `/etc/resolv.conf`; Node's own reading if absent. */
  readResolvConf?: () => string
}

export interface SidecarReporter {
  /** The report as it is now, as JSON without characters that a header field cannot hold. */
  report(): string
  /** A table was taken: after the first that has a Service to look up, that is done once. */
  tableTaken(): void
  stop(): void
}

export function createSidecarReporter(options: SidecarReportOptions): SidecarReporter {
  const { table, space, resolve, random, tell, readResolvConf = readSystemResolvConf } = options
  let parentLookup: SidecarReport['parentLookup'] = null
  let hasLookedUp = false
  let timer: NodeJS.Timeout | undefined
  const search = searchOf(readResolvConf)
  return {
    report: () => asField({ version: project.version, search, parentLookup }),
    tableTaken: () => {
      const name = hasLookedUp ? null : inheritedName(table, space)
      if (name === null) return
      hasLookedUp = true
      void lookUp(name, resolve).then((outcome) => {
        parentLookup = outcome
        timer = setTimeout(tell, random() * SPREAD_MS)
        timer.unref()
      })
    },
    stop: () => clearTimeout(timer),
  }
}

/**
 * A Service that only the search list of an inherited space leads to: none of that name is nearer. Null if there
 * is none with an address of its own.
 */
export function inheritedName(table: RoutingTable, space: string): string | null {
  const [own = space, ...ancestors] = table.chain(space)?.names ?? []
  for (const [at, ancestor] of ancestors.entries()) {
    const nearer = [own, ...ancestors.slice(0, at)]
    for (const { space: home, name, clusterIPs } of table.services.values()) {
      if (home !== ancestor || clusterIPs.length === 0) continue
      if (nearer.every((near) => table.service(near, name) === null)) return name
    }
  }
  return null
}

/** As an app would ask: by the short name, which the search list completes. */
async function lookUp(name: string, resolve: Resolve): Promise<SidecarReport['parentLookup']> {
  const found = await Promise.allSettled([resolve(name, 4), resolve(name, 6)])
  if (found.some((one) => one.status === 'fulfilled' && one.value.length > 0)) {
    return { name, ok: true }
  }
  const failed = found.find((one) => one.status === 'rejected')
  return { name, ok: false, message: failed ? String(failed.reason) : 'it has no address' }
}

/** The last `search` line counts (resolv.conf(5)); null if the file cannot be read. */
function searchOf(read: () => string): string[] | null {
  try {
    const lines = read()
      .split('\n')
      .filter((line) => /^search\s/.test(line))
    return (lines.at(-1) ?? '').trim().split(/\s+/).slice(1)
  } catch {
    return null
  }
}

function readSystemResolvConf(): string {
  return process.getBuiltinModule('node:fs').readFileSync('/etc/resolv.conf', 'latin1')
}

/** JSON in ASCII (RFC 9110 5.5): other characters are escaped, which JSON allows. */
function asField(report: SidecarReport): string {
  return JSON.stringify(report).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
