/** The settings and flags of devspaces-proxy-init. The webhook writes these variables into the pod. */
import {
  type Config,
  type ConfigResult,
  integer,
  list,
  logLevel,
  oneOf,
  type Parsed,
  readConfig,
  text,
} from '../core/config.ts'
import { ENV, PORT, PROXY_UID } from '../core/names.ts'
import { BACKEND_WORDS } from './backend.ts'
import { type Cidr, parseCidr } from './cidr.ts'
import type { PortRange } from './rules.ts'

/** Largest uid: 2^32 - 1 means "none" to the kernel. */
const MAX_UID = 2 ** 32 - 2

const PORT_LIST = 'a comma-separated list of ports and ranges, such as 3306,8000-8010'
const CIDR_LIST = 'a comma-separated list of IPv4 and IPv6 CIDRs, such as 10.0.0.0/8,fd00::/8'
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const portList = (env: string, doc: string) =>
  list<PortRange>({ env, doc, default: '' }, PORT_LIST, parsePortRange)
const cidrList = (env: string, doc: string) =>
  list<Cidr>({ env, doc, default: '' }, CIDR_LIST, (item) => {
    const cidr = parseCidr(item)
    return cidr ? { ok: true, value: cidr } : { ok: false, expected: 'a CIDR or an IP address' }
  })
const port = (env: string, doc: string, number: number) =>
  integer({ env, doc, default: `${number}` }, 1, 65535)

export const settings = {
  spaceChain: list<string>(
    { env: ENV.spaceChain, doc: 'The pod’s space and its ancestors, nearest first' },
    'a comma-separated list of namespaces, such as alice,dev',
    (item) =>
      DNS_LABEL.test(item)
        ? { ok: true, value: item }
        : { ok: false, expected: 'a namespace name (RFC 1123 label)' },
  ),
  clusterDomain: domain({
    env: ENV.clusterDomain,
    doc: 'The cluster’s DNS domain',
    default: 'cluster.local',
  }),
  proxyUid: integer(
    {
      env: ENV.proxyUid,
      doc: 'The sidecar’s uid, whose own connections go out directly',
      default: `${PROXY_UID}`,
    },
    1,
    MAX_UID,
  ),
  outboundPort: port(
    ENV.outboundPort,
    'The sidecar’s port for connections from the pod',
    PORT.outbound,
  ),
  inboundPort: port(ENV.inboundPort, 'The sidecar’s port for connections to the pod', PORT.inbound),
  adminPort: port(ENV.adminPort, 'The sidecar’s admin port, never intercepted', PORT.admin),
  opaquePorts: portList(
    ENV.opaquePorts,
    'Ports of the pod that carry no HTTP, whose connections go straight to the app',
  ),
  skipInboundPorts: portList(
    ENV.skipInboundPorts,
    'Ports of the pod whose connections go straight to the app',
  ),
  skipOutboundPorts: portList(
    ENV.skipOutboundPorts,
    'Destination ports whose connections go straight out',
  ),
  skipInboundCidrs: cidrList(
    ENV.skipInboundCidrs,
    'Sources whose connections go straight to the app',
  ),
  skipOutboundCidrs: cidrList(
    ENV.skipOutboundCidrs,
    'Destinations to which connections go straight out',
  ),
  skipOutboundUids: list<number>(
    {
      env: ENV.skipOutboundUids,
      doc: 'Uids, besides the sidecar’s, whose connections go straight out',
      default: '',
    },
    'a comma-separated list of numeric uids',
    parseUid,
  ),
  iptablesBackend: oneOf(
    {
      env: 'AZDS_IPTABLES_BACKEND',
      doc: 'Kernel interface for the rules; auto takes the one that has rules already, else nft, else legacy',
      default: 'auto',
    },
    BACKEND_WORDS,
  ),
  resolvConfPath: text({
    env: 'AZDS_RESOLV_CONF',
    doc: 'Path of the resolv.conf that all containers of the pod share',
    default: '/etc/resolv.conf',
  }),
  logLevel: logLevel({ env: ENV.logLevel, doc: 'Log level', default: 'info' }),
}

export type InitConfig = Config<typeof settings>

/** Command-line flags; the documentation is made from this table. */
export const flags = {
  dryRun: {
    flag: '--dry-run',
    doc: 'Print the iptables-restore input of each family and the change of resolv.conf; change nothing',
  },
  help: { flag: '--help', doc: 'Print the flags and settings' },
} as const

export type Flags = Record<keyof typeof flags, boolean>

/** Settings from `env` and flags from `args`, or every mistake in both. */
export function readInitConfig(
  env: Record<string, string | undefined>,
): ConfigResult<typeof settings> {
  const result = readConfig(settings, env)
  if (!result.ok) return result
  const mistakes = [...portClashes(result.config), ...chainMistakes(result.config.spaceChain)]
  return mistakes.length > 0 ? { ok: false, mistakes } : result
}

export function readFlags(
  args: readonly string[],
): { ok: true; flags: Flags } | { ok: false; mistakes: string[] } {
  const known = Object.values(flags).map(({ flag }) => flag as string)
  const unknown = args.filter((arg) => !known.includes(arg))
  if (unknown.length > 0) {
    const mistakes = unknown.map((arg) => `${arg}: no such flag; there are ${known.join(' and ')}`)
    return { ok: false, mistakes }
  }
  const given = { dryRun: args.includes('--dry-run'), help: args.includes('--help') }
  return { ok: true, flags: given }
}

/** What `--help` prints. */
export function helpText(): string {
  const flagRows = Object.values(flags).map(({ flag, doc }) => `  ${flag.padEnd(12)} ${doc}`)
  const settingRows = Object.values(settings).map((setting) => {
    const fallback =
      setting.default === undefined ? 'must be set' : `default ${setting.default || 'empty'}`
    return `  ${setting.env}\n      ${setting.doc}: ${setting.form} (${fallback})`
  })
  return [
    'devspaces-proxy-init: prepares a pod so that its connections pass the sidecar.',
    '',
    'Flags:',
    ...flagRows,
    '',
    'Environment:',
    ...settingRows,
    '',
  ].join('\n')
}

function portClashes(config: InitConfig): string[] {
  const ports = [
    [ENV.outboundPort, config.outboundPort],
    [ENV.inboundPort, config.inboundPort],
    [ENV.adminPort, config.adminPort],
  ] as const
  return ports.flatMap(([env, number], index) => {
    const twin = ports.slice(0, index).find(([, other]) => other === number)
    return twin ? [`${env}="${number}": expected a port other than that of ${twin[0]}`] : []
  })
}

function chainMistakes(chain: readonly string[]): string[] {
  if (chain.length === 0) return [`${ENV.spaceChain}: expected at least the pod’s own space`]
  if (new Set(chain).size === chain.length) return []
  return [`${ENV.spaceChain}="${chain.join(',')}": expected every space once`]
}

function domain(head: { env: string; doc: string; default: string }) {
  const form = 'a DNS domain, such as cluster.local'
  const parse = (value: string): Parsed<string> =>
    value.split('.').every((label) => DNS_LABEL.test(label))
      ? { ok: true, value }
      : { ok: false, expected: form }
  return { ...head, form, parse }
}

function parsePortRange(item: string): Parsed<PortRange> {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (match && first >= 1 && last <= 65535 && first <= last) {
    return { ok: true, value: { first, last } }
  }
  return { ok: false, expected: 'a port or a range from 1 to 65535' }
}

function parseUid(item: string): Parsed<number> {
  const uid = /^\d{1,10}$/.test(item) ? Number(item) : Number.NaN
  return uid <= MAX_UID
    ? { ok: true, value: uid }
    : { ok: false, expected: `a numeric uid up to ${MAX_UID}` }
}
