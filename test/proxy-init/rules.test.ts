import { expect, test } from '@jest/globals'
import { parseCidr } from '../../proxy-init/cidr.ts'
import {
  desiredPart,
  firstDifference,
  type InterceptionConfig,
  planRestore,
  planRollback,
} from '../../proxy-init/rules.ts'

const cidrs = (...texts: string[]) => texts.flatMap((text) => parseCidr(text) ?? [])

const CONFIG: InterceptionConfig = {
  proxyUid: 1337,
  outboundPort: 15001,
  inboundPort: 15006,
  adminPort: 15020,
  opaquePorts: [],
  skipInboundPorts: [],
  skipOutboundPorts: [],
  skipInboundCidrs: [],
  skipOutboundCidrs: [],
  skipOutboundUids: [],
}

const EMPTY = '*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n'

const DEFAULT_INPUT = `*nat
:AZDS_INBOUND - [0:0]
:AZDS_OUTBOUND - [0:0]
:AZDS_IN_REDIRECT - [0:0]
:AZDS_OUT_REDIRECT - [0:0]
-A AZDS_INBOUND -i lo -m comment --comment "azds: loopback" -j RETURN
-A AZDS_INBOUND -p tcp -m multiport --dports 15001,15006,15020 -m comment --comment "azds: ports of the sidecar" -j RETURN
-A AZDS_INBOUND -p tcp -m comment --comment "azds: everything else" -j AZDS_IN_REDIRECT
-A AZDS_OUTBOUND -m owner --uid-owner 1337 -m comment --comment "azds: the sidecar itself" -j RETURN
-A AZDS_OUTBOUND -o lo -m comment --comment "azds: loopback" -j RETURN
-A AZDS_OUTBOUND -d 127.0.0.0/8 -m comment --comment "azds: loopback" -j RETURN
-A AZDS_OUTBOUND -p tcp -m comment --comment "azds: everything else" -j AZDS_OUT_REDIRECT
-A AZDS_IN_REDIRECT -p tcp -m comment --comment "azds: to the sidecar" -j REDIRECT --to-ports 15006
-A AZDS_OUT_REDIRECT -p tcp -m comment --comment "azds: to the sidecar" -j REDIRECT --to-ports 15001
-A PREROUTING -p tcp -m comment --comment "azds: connections to the pod" -j AZDS_INBOUND
-A OUTPUT -p tcp -m comment --comment "azds: connections from the pod" -j AZDS_OUTBOUND
COMMIT
`

/** What iptables-save prints after the input: built-in chains first, and counters. */
function savedAfter(input: string): string {
  const lines = input.split('\n')
  return ['*nat', ':PREROUTING ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ...lines.slice(1)].join('\n')
}

const inputOf = (config: InterceptionConfig, saved: string, family: 'ipv4' | 'ipv6' = 'ipv4') => {
  const plan = planRestore(config, saved, family)
  return plan.kind === 'restore' ? plan.input : plan.kind
}

test('a fresh IPv4 pod gets this transaction', () => {
  expect(inputOf(CONFIG, EMPTY)).toBe(DEFAULT_INPUT)
})

test('a table that does not exist yet is like an empty one', () => {
  expect(inputOf(CONFIG, '')).toBe(DEFAULT_INPUT)
})

test('the IPv6 transaction differs in its loopback address only', () => {
  expect(inputOf(CONFIG, EMPTY, 'ipv6')).toBe(DEFAULT_INPUT.replace('127.0.0.0/8', '::1/128'))
})

test('rules that are there already need no transaction', () => {
  expect(inputOf(CONFIG, savedAfter(DEFAULT_INPUT))).toBe('in-place')
})

test('a changed configuration refills the chains and leaves the jumps where they are', () => {
  const input = inputOf({ ...CONFIG, proxyUid: 1338 }, savedAfter(DEFAULT_INPUT))
  const withoutJumps = DEFAULT_INPUT.replace(/^-A (PREROUTING|OUTPUT) .*\n/gm, '')
  expect(input).toBe(withoutJumps.replace('--uid-owner 1337', '--uid-owner 1338'))
})

test('a jump that is there twice is removed both times and made once', () => {
  const jump =
    '-A OUTPUT -p tcp -m comment --comment "azds: connections from the pod" -j AZDS_OUTBOUND\n'
  const input = inputOf(CONFIG, savedAfter(DEFAULT_INPUT.replace(jump, jump + jump)))
  expect(input.split(jump.replace('-A', '-D'))).toHaveLength(3)
  expect(input.split(jump)).toHaveLength(2)
})

test('rules of others are not mentioned', () => {
  const others = EMPTY.replace('COMMIT', '-A OUTPUT -p tcp -j THEIRS\n-A THEIRS -j RETURN\nCOMMIT')
  expect(inputOf(CONFIG, others)).toBe(DEFAULT_INPUT)
})

test('every skip list becomes RETURN rules before the redirect, in its own direction', () => {
  const config = {
    ...CONFIG,
    opaquePorts: [{ first: 5432, last: 5432 }],
    skipInboundPorts: [
      { first: 3306, last: 3306 },
      { first: 8000, last: 8010 },
    ],
    skipOutboundPorts: [{ first: 6379, last: 6379 }],
    skipInboundCidrs: cidrs('192.0.2.0/24', 'fd00:1::/32'),
    skipOutboundCidrs: cidrs('10.0.0.0/8', 'fd00:2::/32'),
    skipOutboundUids: [2000, 2001],
  }
  const added = (family: 'ipv4' | 'ipv6') => {
    const plain = desiredPart(CONFIG, family).rules
    return desiredPart(config, family).rules.filter((line) => !plain.includes(line))
  }
  expect(added('ipv4')).toEqual([
    '-A AZDS_INBOUND -p tcp -m multiport --dports 5432 -m comment --comment "azds: opaque-ports" -j RETURN',
    '-A AZDS_INBOUND -p tcp -m multiport --dports 3306,8000:8010 -m comment --comment "azds: skip-inbound-ports" -j RETURN',
    '-A AZDS_INBOUND -s 192.0.2.0/24 -m comment --comment "azds: skip-inbound-cidrs" -j RETURN',
    '-A AZDS_OUTBOUND -m owner --uid-owner 2000 -m comment --comment "azds: skip-outbound-uids" -j RETURN',
    '-A AZDS_OUTBOUND -m owner --uid-owner 2001 -m comment --comment "azds: skip-outbound-uids" -j RETURN',
    '-A AZDS_OUTBOUND -p tcp -m multiport --dports 6379 -m comment --comment "azds: skip-outbound-ports" -j RETURN',
    '-A AZDS_OUTBOUND -d 10.0.0.0/8 -m comment --comment "azds: skip-outbound-cidrs" -j RETURN',
  ])
  expect(added('ipv6').filter((line) => line.includes('cidrs'))).toEqual([
    '-A AZDS_INBOUND -s fd00:1::/32 -m comment --comment "azds: skip-inbound-cidrs" -j RETURN',
    '-A AZDS_OUTBOUND -d fd00:2::/32 -m comment --comment "azds: skip-outbound-cidrs" -j RETURN',
  ])
})

test('a CIDR of everything has no address in its rule, as iptables-save prints none', () => {
  const config = { ...CONFIG, skipOutboundCidrs: cidrs('0.0.0.0/0') }
  const { rules } = desiredPart(config, 'ipv4')
  expect(rules).toContain(
    '-A AZDS_OUTBOUND -m comment --comment "azds: skip-outbound-cidrs" -j RETURN',
  )
})

test('ports are split into rules of at most 15, where a range counts as two', () => {
  const range = (first: number) => ({ first, last: first + 1 })
  const config = {
    ...CONFIG,
    skipOutboundPorts: [
      ...[1, 11, 21, 31, 41, 51, 61].map(range),
      range(71),
      ...[80, 81].map((port) => ({ first: port, last: port })),
    ],
  }
  const lists = desiredPart(config, 'ipv4').rules.flatMap(
    (line) => /AZDS_OUTBOUND .*--dports (\S+)/.exec(line)?.[1] ?? [],
  )
  expect(lists).toEqual(['1:2,11:12,21:22,31:32,41:42,51:52,61:62', '71:72,80,81'])
})

test('a rollback to nothing removes jumps, rules and chains', () => {
  const plan = planRollback(EMPTY, savedAfter(DEFAULT_INPUT))
  expect(plan).toEqual({
    kind: 'restore',
    input: `*nat
:AZDS_INBOUND - [0:0]
:AZDS_OUTBOUND - [0:0]
:AZDS_IN_REDIRECT - [0:0]
:AZDS_OUT_REDIRECT - [0:0]
-D PREROUTING -p tcp -m comment --comment "azds: connections to the pod" -j AZDS_INBOUND
-D OUTPUT -p tcp -m comment --comment "azds: connections from the pod" -j AZDS_OUTBOUND
-X AZDS_INBOUND
-X AZDS_OUTBOUND
-X AZDS_IN_REDIRECT
-X AZDS_OUT_REDIRECT
COMMIT
`,
  })
})

test('a rollback to an older configuration brings its rules back', () => {
  const now = savedAfter(DEFAULT_INPUT.replace('--uid-owner 1337', '--uid-owner 1338'))
  const plan = planRollback(savedAfter(DEFAULT_INPUT), now)
  expect(plan).toMatchObject({ kind: 'restore', input: expect.stringContaining('owner 1337') })
  expect(planRollback(now, now)).toEqual({ kind: 'in-place' })
})

const LOOPBACK = '-A AZDS_OUTBOUND -o lo -m comment --comment "azds: loopback" -j RETURN\n'

test.each([
  ['nothing', DEFAULT_INPUT, null],
  [
    'a missing rule',
    DEFAULT_INPUT.replace(LOOPBACK, ''),
    `the rule is missing: ${LOOPBACK.trim()}`,
  ],
  [
    'a rule too many',
    DEFAULT_INPUT.replace(LOOPBACK, `${LOOPBACK}-A AZDS_OUTBOUND -p udp -j RETURN\n`),
    'a rule is there that was not planned: -A AZDS_OUTBOUND -p udp -j RETURN',
  ],
  [
    'a missing jump',
    DEFAULT_INPUT.replace(/^-A PREROUTING .*\n/m, ''),
    'the rule is missing: -A PREROUTING -p tcp -m comment --comment "azds: connections to the pod" -j AZDS_INBOUND',
  ],
  [
    'another order',
    DEFAULT_INPUT.replace(LOOPBACK, '').replace(/^-A AZDS_IN_REDIRECT/m, `${LOOPBACK}$&`),
    expect.stringContaining('in another order'),
  ],
])('reading back finds %s', (_what, input, difference) => {
  expect(firstDifference(CONFIG, savedAfter(input), 'ipv4')).toEqual(difference)
})
