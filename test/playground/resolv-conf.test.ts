import { expect, test } from '@jest/globals'
import { hostnameOf, hostsFile, resolvConf } from '../../playground/node/resolv-conf.ts'
import { pod } from './pod.ts'

test('a pod searches its own namespace, then all services, then the cluster', () => {
  expect(resolvConf(pod())).toBe(
    'search dev.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
  )
})

test('dnsConfig is appended, and its options win', () => {
  const dnsConfig = {
    nameservers: ['10.0.0.1'],
    searches: ['example.org', 'cluster.local'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  }
  expect(resolvConf(pod({ dnsConfig }))).toBe(
    [
      'search dev.svc.cluster.local svc.cluster.local cluster.local example.org',
      'nameserver 10.96.0.10',
      'nameserver 10.0.0.1',
      'options ndots:2 edns0',
      '',
    ].join('\n'),
  )
})

test('dnsPolicy None leaves only what dnsConfig says', () => {
  const conf = resolvConf(pod({ dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1'] } }))
  expect(conf).toBe('nameserver 10.0.0.1\n')
})

test('the hosts file names the pod under each of its addresses, and host aliases', () => {
  const hosts = hostsFile(
    pod(
      { subdomain: 'db', hostAliases: [{ ip: '10.9.9.9', hostnames: ['old', 'older'] }] },
      'db-0',
    ),
    ['10.244.0.9'],
  )
  expect(hosts).toContain('10.244.0.9\tdb-0.db.dev.svc.cluster.local\tdb-0\n')
  expect(hosts).toContain('10.9.9.9\told\tolder\n')
  expect(hosts).toContain('127.0.0.1\tlocalhost\n')
})

test('a host name has at most 63 characters and does not end in a hyphen', () => {
  expect(hostnameOf(pod({}, `${'a'.repeat(62)}-bcd`))).toBe('a'.repeat(62))
})
