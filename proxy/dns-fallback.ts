/**
 * Routes by DNS while no routing table has come: a name such as `orders` is looked up in the spaces
 * of the pod's own chain, from the request's space on. Other spaces are out of reach, because only
 * the table knows whether they are in this tree.
 */
import type { Tried } from '../core/routing.ts'
import { requestAddress } from './authority.ts'

export interface NamedService {
  ip: string
  space: string
  name: string
  tried: Tried[]
}

/** All addresses of a fully qualified name, of the family asked for. */
export type Resolve = (name: string, family: 4 | 6) => Promise<string[]>

export interface DnsFallbackOptions {
  spaceChain: readonly string[]
  clusterDomain: string
  resolve: Resolve
}

/** Longest wait for DNS, in milliseconds: a cluster answers in a few; libc would try for 10 s. */
const LOOKUP_MS = 1000

/** `orders` of `orders:8080`; null for a name with dots, an address, or nothing. */
export function plainService(authority: string | null): string | null {
  const match = /^([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?::\d+)?$/i.exec(authority ?? '')
  return match?.[1]?.toLowerCase() ?? null
}

/**
 * The Host header of a request whose first bytes these are; null if they do not hold it whole.
 * Nothing is decided by it but which name is looked up in advance; the engine reads the head itself.
 */
export function peekAuthority(first: Buffer): string | null {
  const head = first.subarray(0, 65_536).toString('latin1')
  const [line = '', ...fields] = head.split('\r\n').slice(0, -1)
  const [method = '', target = ''] = line.split(' ')
  const host = fields.find((field) => /^host:/i.test(field))
  const header = () => host?.slice('host:'.length).trim() ?? null
  return requestAddress({ method, target, header }).authority
}

/** Which spaces of the chain a request is looked for in. */
export function searchedSpaces(chain: readonly string[], context: string | null): string[] {
  const from = context === null ? 0 : chain.indexOf(context)
  // A space that the chain does not hold cannot be judged: the pod's own view stands.
  return chain.slice(Math.max(from, 0))
}

/** What the look-ups of one connection have found; asked again for each of its requests. */
export type NamedServices = (
  authority: string | null,
  context: string | null,
) => NamedService | null

/**
 * Looks the name up in all spaces of the chain, so that later answers need no waiting.
 * @returns null unless the authority is a plain service name and the destination is one of the
 * addresses found: a client may write any name while it talks to something else
 */
export async function lookUpChain(
  authority: string | null,
  destination: string,
  options: DnsFallbackOptions,
): Promise<NamedServices | null> {
  const name = plainService(authority)
  if (name === null) return null
  const { spaceChain, clusterDomain, resolve } = options
  const family = destination.includes(':') ? 6 : 4
  const found = new Map<string, string[]>()
  const lookUps = spaceChain.map(async (space) => {
    found.set(space, await resolve(`${name}.${space}.svc.${clusterDomain}.`, family))
  })
  await within(Promise.allSettled(lookUps), LOOKUP_MS)
  if (![...found.values()].some((ips) => ips.includes(destination))) return null
  return (asked, context) => {
    if (plainService(asked) !== name) return null
    return pick({ name, found, destination }, searchedSpaces(spaceChain, context))
  }
}

function pick(
  service: { name: string; found: ReadonlyMap<string, string[]>; destination: string },
  spaces: string[],
): NamedService | null {
  const { name, found, destination } = service
  const tried: Tried[] = []
  for (const space of spaces) {
    const ips = found.get(space) ?? []
    const ip = ips.includes(destination) ? destination : ips[0]
    tried.push({ space, outcome: ip === undefined ? 'absent' : 'chosen' })
    if (ip !== undefined) return { ip, space, name, tried }
  }
  return null
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
