/**
 * The interception rules of one address family, and the `iptables-restore` input that leads there
 * from what the kernel has now. Pure: text in, text out.
 *
 *   PREROUTING ─► AZDS_INBOUND  ─► AZDS_IN_REDIRECT  ─► our inbound port
 *   OUTPUT     ─► AZDS_OUTBOUND ─► AZDS_OUT_REDIRECT ─► our outbound port
 *
 * First match wins; RETURN means "direct".
 *
 *   inbound                          outbound
 *   comes over loopback    direct    made by the sidecar's uid  direct
 *   to one of our ports    direct    stays on loopback          direct
 *   to an opaque port      direct    by a skipped uid           direct
 *   to a skipped port      direct    to a skipped port          direct
 *   from a skipped CIDR    direct    to a skipped CIDR          direct
 *   any other TCP          redirect  any other TCP              redirect
 */
import { CHAIN } from '../core/names.ts'
import { type Cidr, type Family, formatCidr } from './cidr.ts'
import { type NatTable, parseNat, parseRule, type SavedRule, sameRule } from './nat-save.ts'

export interface PortRange {
  first: number
  last: number
}

export interface InterceptionConfig {
  proxyUid: number
  outboundPort: number
  inboundPort: number
  adminPort: number
  opaquePorts: readonly PortRange[]
  skipInboundPorts: readonly PortRange[]
  skipOutboundPorts: readonly PortRange[]
  skipInboundCidrs: readonly Cidr[]
  skipOutboundCidrs: readonly Cidr[]
  skipOutboundUids: readonly number[]
}

/** The part of the nat table that is ours: our chains with their rules, and the jumps to them. */
export interface OwnPart {
  chains: string[]
  rules: string[]
  jumps: string[]
}

export type Plan = { kind: 'in-place' } | { kind: 'restore'; input: string }

/** `-m multiport` takes 15 ports; a range counts as two of them (iptables-extensions(8)). */
const MULTIPORT_SLOTS = 15

const OWN_CHAINS: readonly string[] = [
  CHAIN.inbound,
  CHAIN.outbound,
  CHAIN.inboundRedirect,
  CHAIN.outboundRedirect,
]

/** What has to be in the nat table of one family. */
export function desiredPart(config: InterceptionConfig, family: Family): OwnPart {
  return {
    chains: [...OWN_CHAINS],
    rules: [
      ...inboundRules(config, family),
      ...outboundRules(config, family),
      rule(CHAIN.inboundRedirect, '-p tcp', 'to the sidecar', redirectTo(config.inboundPort)),
      rule(CHAIN.outboundRedirect, '-p tcp', 'to the sidecar', redirectTo(config.outboundPort)),
    ],
    jumps: [
      rule('PREROUTING', '-p tcp', 'connections to the pod', CHAIN.inbound),
      rule('OUTPUT', '-p tcp', 'connections from the pod', CHAIN.outbound),
    ],
  }
}

/** The input that makes the nat table of `saved` carry what the configuration asks for. */
export function planRestore(config: InterceptionConfig, saved: string, family: Family): Plan {
  return planTransition(parseNat(saved), desiredPart(config, family))
}

/** The input that takes our part of the nat table back to what it was in `before`. */
export function planRollback(before: string, now: string): Plan {
  return planTransition(parseNat(now), ownPartOf(parseNat(before)))
}

/**
 * The first difference between what is in the kernel and what was planned, as a sentence that
 * names the rule; null if there is none.
 */
export function firstDifference(
  config: InterceptionConfig,
  saved: string,
  family: Family,
): string | null {
  const planned = desiredPart(config, family)
  const found = ownPartOf(parseNat(saved))
  const pairs = [
    [planned.rules, found.rules],
    [planned.jumps, found.jumps],
  ] as const
  for (const [wanted, present] of pairs) {
    const missing = wanted.find((line) => !present.some((other) => sameRule(line, other)))
    if (missing) return `the rule is missing: ${missing}`
    const extra = present.find((line) => !wanted.some((other) => sameRule(line, other)))
    if (extra) return `a rule is there that was not planned: ${extra}`
    if (!sameList(wanted, present)) return `the rules are there in another order: ${present[0]} …`
  }
  return null
}

function inboundRules(config: InterceptionConfig, family: Family): string[] {
  const { inboundPort, outboundPort, adminPort } = config
  const own = [outboundPort, inboundPort, adminPort].map((port) => ({ first: port, last: port }))
  const direct = (match: string, purpose: string) => rule(CHAIN.inbound, match, purpose, 'RETURN')
  return [
    // Netfilter asks nat for a looped-back connection once, on its way out; this holds for any kernel.
    direct('-i lo', 'loopback'),
    ...portMatches(own).map((match) => direct(match, 'ports of the sidecar')),
    ...portMatches(config.opaquePorts).map((match) => direct(match, 'opaque-ports')),
    ...portMatches(config.skipInboundPorts).map((match) => direct(match, 'skip-inbound-ports')),
    ...cidrMatches('-s', config.skipInboundCidrs, family).map((match) =>
      direct(match, 'skip-inbound-cidrs'),
    ),
    rule(CHAIN.inbound, '-p tcp', 'everything else', CHAIN.inboundRedirect),
  ]
}

function outboundRules(config: InterceptionConfig, family: Family): string[] {
  const direct = (match: string, purpose: string) => rule(CHAIN.outbound, match, purpose, 'RETURN')
  const byUid = (uid: number) => `-m owner --uid-owner ${uid}`
  const loopback = family === 'ipv4' ? '127.0.0.0/8' : '::1/128'
  return [
    direct(byUid(config.proxyUid), 'the sidecar itself'),
    // Also the pod's own address: the kernel routes it over lo.
    direct('-o lo', 'loopback'),
    // Also where somebody has routed loopback addresses through another interface.
    direct(`-d ${loopback}`, 'loopback'),
    ...config.skipOutboundUids.map((uid) => direct(byUid(uid), 'skip-outbound-uids')),
    ...portMatches(config.skipOutboundPorts).map((match) => direct(match, 'skip-outbound-ports')),
    ...cidrMatches('-d', config.skipOutboundCidrs, family).map((match) =>
      direct(match, 'skip-outbound-cidrs'),
    ),
    rule(CHAIN.outbound, '-p tcp', 'everything else', CHAIN.outboundRedirect),
  ]
}

/** One rule, with a comment that explains it to whoever reads `iptables-save` in a broken pod. */
function rule(chain: string, match: string, purpose: string, target: string): string {
  const matches = match === '' ? '' : `${match} `
  return `-A ${chain} ${matches}-m comment --comment "azds: ${purpose}" -j ${target}`
}

const redirectTo = (port: number): string => `REDIRECT --to-ports ${port}`

function portMatches(ranges: readonly PortRange[]): string[] {
  const matches: string[] = []
  let words: string[] = []
  let slots = 0
  const flush = () => {
    if (words.length > 0) matches.push(`-p tcp -m multiport --dports ${words.join(',')}`)
    words = []
    slots = 0
  }
  for (const { first, last } of ranges) {
    const size = first === last ? 1 : 2
    if (slots + size > MULTIPORT_SLOTS) flush()
    words.push(first === last ? `${first}` : `${first}:${last}`)
    slots += size
  }
  flush()
  return matches
}

/** The CIDRs of this family only: iptables refuses an IPv6 CIDR and ip6tables an IPv4 one. */
function cidrMatches(side: '-s' | '-d', cidrs: readonly Cidr[], family: Family): string[] {
  return cidrs
    .filter((cidr) => cidr.family === family)
    .map((cidr) => (cidr.prefix === 0 ? '' : `${side} ${formatCidr(cidr)}`))
}

function ownPartOf(nat: NatTable): OwnPart {
  const isOwn = (chain: string) => OWN_CHAINS.includes(chain)
  return {
    chains: nat.chains.filter(isOwn),
    rules: inChainOrder(nat.rules.filter((saved) => isOwn(saved.chain))),
    jumps: ourJumps(nat).map((saved) => saved.line),
  }
}

/** Jumps to our chains from chains that are not ours, PREROUTING first. */
function ourJumps(nat: NatTable): SavedRule[] {
  const jumps = nat.rules.filter(
    ({ chain, target }) => !OWN_CHAINS.includes(chain) && OWN_CHAINS.includes(target ?? ''),
  )
  const rank = ({ chain }: SavedRule) => (chain === 'PREROUTING' ? 0 : 1)
  return jumps.toSorted((one, other) => rank(one) - rank(other))
}

function inChainOrder(rules: readonly SavedRule[]): string[] {
  const rank = (saved: SavedRule) => OWN_CHAINS.indexOf(saved.chain)
  return rules.toSorted((one, other) => rank(one) - rank(other)).map((saved) => saved.line)
}

/**
 * One transaction. Declaring a chain creates or empties it. A jump that is right stays where it
 * is, so that the order against other people's rules never changes; a wrong or double one goes.
 */
function planTransition(nat: NatTable, wanted: OwnPart): Plan {
  const current = ownPartOf(nat)
  const wantedRules = inChainOrder(wanted.rules.map(parseRule))
  const jumpsRight = sameList(current.jumps, wanted.jumps)
  if (
    jumpsRight &&
    sameList(current.rules, wantedRules) &&
    sameSet(current.chains, wanted.chains)
  ) {
    return { kind: 'in-place' }
  }
  const touched = OWN_CHAINS.filter(
    (chain) => current.chains.includes(chain) || wanted.chains.includes(chain),
  )
  const lines = [
    '*nat',
    ...touched.map((chain) => `:${chain} - [0:0]`),
    ...(jumpsRight ? [] : current.jumps.map((line) => line.replace(/^-A /, '-D '))),
    ...wantedRules,
    ...(jumpsRight ? [] : wanted.jumps),
    ...touched.filter((chain) => !wanted.chains.includes(chain)).map((chain) => `-X ${chain}`),
    'COMMIT',
  ]
  return { kind: 'restore', input: `${lines.join('\n')}\n` }
}

const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, index) => sameRule(line, other[index] ?? ''))

const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((item) => other.includes(item))
