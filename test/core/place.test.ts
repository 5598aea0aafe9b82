import { expect, test } from '@jest/globals'
import { clusterDomainFor, domainIn } from '../../core/place.ts'

const conf = (search: string) => `nameserver 10.96.0.10\n${search}\noptions ndots:5\n`

test.each([
  ['search azds.svc.cluster.local svc.cluster.local cluster.local', 'cluster.local'],
  ['search azds.svc.corp.example svc.corp.example corp.example eu.internal', 'corp.example'],
  ['search\tazds.svc.k8s.  svc.k8s. k8s.', 'k8s'],
  ['search a.test\nsearch azds.svc.x.y svc.x.y x.y', 'x.y'],
  ['search eu-west-1.compute.internal', null],
  ['search svc.', null],
  ['', null],
])('%s', (search, domain) => {
  expect(domainIn(conf(search))).toBe(domain)
})

test('a setting comes first, and cluster.local last', () => {
  const text = conf('search azds.svc.corp.example svc.corp.example')
  expect(clusterDomainFor('told.test', text)).toBe('told.test')
  expect(clusterDomainFor(null, text)).toBe('corp.example')
  expect(clusterDomainFor(null, '')).toBe('cluster.local')
})
