import { expect, test } from '@jest/globals'
import { flags, helpText, readFlags, readInitConfig, settings } from '../../proxy-init/config.ts'

const SPACE = { AZDS_SPACE_CHAIN: 'alice,dev' }

test('only the chain of spaces must be set; everything else has a default', () => {
  expect(readInitConfig(SPACE)).toEqual({
    ok: true,
    config: {
      spaceChain: ['alice', 'dev'],
      clusterDomain: 'cluster.local',
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
      iptablesBackend: 'auto',
      resolvConfPath: '/etc/resolv.conf',
      logLevel: 'info',
    },
  })
})

test('skip lists are read with blanks, ranges and both families', () => {
  const result = readInitConfig({
    ...SPACE,
    AZDS_OPAQUE_PORTS: '6379',
    AZDS_SKIP_INBOUND_PORTS: '3306, 8000-8010',
    AZDS_SKIP_OUTBOUND_CIDRS: '10.1.2.3/8,fd00::1/8,192.0.2.7',
    AZDS_SKIP_OUTBOUND_UIDS: '0,4294967294',
  })
  expect(result).toMatchObject({
    ok: true,
    config: {
      opaquePorts: [{ first: 6379, last: 6379 }],
      skipInboundPorts: [
        { first: 3306, last: 3306 },
        { first: 8000, last: 8010 },
      ],
      skipOutboundCidrs: [
        { family: 'ipv4', address: '10.0.0.0', prefix: 8 },
        { family: 'ipv6', address: 'fd00::', prefix: 8 },
        { family: 'ipv4', address: '192.0.2.7', prefix: 32 },
      ],
      skipOutboundUids: [0, 4294967294],
    },
  })
})

test.each([
  ['AZDS_SPACE_CHAIN', '', 'must'],
  ['AZDS_SPACE_CHAIN', 'Alice', 'namespace'],
  ['AZDS_SPACE_CHAIN', 'alice,dev,alice', 'every space once'],
  ['AZDS_SPACE_CHAIN', ',', 'own space'],
  ['AZDS_CLUSTER_DOMAIN', 'cluster..local', 'DNS domain'],
  ['AZDS_CLUSTER_DOMAIN', 'a b', 'DNS domain'],
  ['AZDS_PROXY_UID', '0', 'from 1'],
  ['AZDS_PROXY_UID', '4294967295', 'to 4294967294'],
  ['AZDS_ADMIN_PORT', '15001', 'other than that of AZDS_OUTBOUND_PORT'],
  ['AZDS_INBOUND_PORT', '0', 'from 1 to 65535'],
  ['AZDS_SKIP_INBOUND_PORTS', 'http', '"http" is not a port'],
  ['AZDS_SKIP_INBOUND_PORTS', '80,65536', '"65536" is not a port'],
  ['AZDS_SKIP_INBOUND_PORTS', '90-80', '"90-80" is not a port'],
  ['AZDS_SKIP_OUTBOUND_PORTS', '0', '"0" is not a port'],
  ['AZDS_SKIP_OUTBOUND_CIDRS', '10.0.0.0/33', '"10.0.0.0/33" is not a CIDR'],
  ['AZDS_SKIP_OUTBOUND_CIDRS', 'fe80::1%eth0', 'is not a CIDR'],
  ['AZDS_SKIP_INBOUND_CIDRS', 'db.example', 'is not a CIDR'],
  ['AZDS_SKIP_OUTBOUND_UIDS', 'root', '"root" is not a numeric uid'],
  ['AZDS_IPTABLES_BACKEND', 'bpf', 'one of auto, nft, legacy'],
])('%s="%s" is a mistake that names the variable', (name, value, part) => {
  const result = readInitConfig({ ...SPACE, [name]: value })
  expect(result).toMatchObject({ ok: false, mistakes: [expect.stringContaining(name)] })
  if (!result.ok && value !== '') expect(result.mistakes[0]).toContain(part)
})

test('all mistakes are reported together', () => {
  const result = readInitConfig({ AZDS_PROXY_UID: 'x', AZDS_SKIP_INBOUND_PORTS: 'y' })
  expect(result).toMatchObject({ ok: false, mistakes: { length: 3 } })
})

test('flags are those of the table, and an unknown one is a mistake', () => {
  expect(readFlags([])).toEqual({ ok: true, flags: { dryRun: false, help: false } })
  expect(readFlags(['--dry-run'])).toEqual({ ok: true, flags: { dryRun: true, help: false } })
  expect(readFlags(['--help'])).toEqual({ ok: true, flags: { dryRun: false, help: true } })
  expect(readFlags(['--dryrun', '--dry-run'])).toEqual({
    ok: false,
    mistakes: ['--dryrun: no such flag; there are --dry-run and --help'],
  })
})

test('the help names every flag and every variable', () => {
  const names = [
    ...Object.values(flags).map(({ flag }) => flag),
    ...Object.values(settings).map(({ env }) => env),
  ]
  expect(names.filter((name) => !helpText().includes(name))).toEqual([])
})
