import { expect, test } from '@jest/globals'
import type { EndpointSlice, Service } from '../../core/kube/types.ts'
import { servicePorts, serviceRules } from '../../playground/node/service-rules.ts'

function service(name: string, spec: Service['spec']): Service {
  return { metadata: { namespace: 'dev', name }, spec }
}

function slice(name: string, endpoints: EndpointSlice['endpoints'] = []): EndpointSlice {
  return {
    metadata: {
      namespace: 'dev',
      name: `${name}-x`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  }
}

const web = service('web', { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80 }] })
const none = new Set<string>()

test('only endpoints that are ready, or do not say, get connections', () => {
  const slices = [
    slice('web', [
      { addresses: ['10.244.0.5'], conditions: { ready: true } },
      { addresses: ['10.244.0.6'], conditions: { ready: false } },
      { addresses: ['10.244.0.4'] },
    ]),
  ]
  expect(servicePorts([web], slices, none)).toEqual([
    {
      label: 'dev/web:http',
      clusterIp: '10.96.1.1',
      protocol: 'tcp',
      port: 80,
      backends: [
        { ip: '10.244.0.4', port: 8080 },
        { ip: '10.244.0.5', port: 8080 },
      ],
    },
  ])
})

test.each([
  ['headless', 'None'],
  ['one without an address', ''],
  ['the API’s own', '10.96.0.1'],
])('a service that is %s has no rules', (_what, clusterIP) => {
  const services = [service('x', { clusterIP, ports: [{ port: 80 }] })]
  expect(servicePorts(services, [], new Set(['10.96.0.1']))).toEqual([])
})

test('a slice of another service, family or port name does not count', () => {
  const slices = [
    slice('other', [{ addresses: ['10.244.0.5'] }]),
    { ...slice('web', [{ addresses: ['fd00::5'] }]), addressType: 'IPv6' as const },
    { ...slice('web', [{ addresses: ['10.244.0.6'] }]), ports: [{ name: 'admin', port: 1 }] },
  ]
  expect(servicePorts([web], slices, none)[0]?.backends).toEqual([])
})

test('each of three endpoints gets a third: 1/3, then 1/2 of the rest, then all', () => {
  const endpoints = [1, 2, 3].map((n) => ({ addresses: [`10.244.0.${n}`] }))
  const rules = serviceRules(servicePorts([web], [slice('web', endpoints)], none))
  const chances = [...rules.matchAll(/--probability ([\d.]+)/g)].map((found) => Number(found[1]))
  expect(chances).toEqual([expect.closeTo(1 / 3, 9), 0.5])
  expect(rules).toContain('--comment "dev/web:http" -j DNAT --to-destination 10.244.0.3:8080\n')
  expect(rules.match(/-j MASQUERADE/g)).toHaveLength(3)
  expect(rules).not.toContain('REJECT')
})

test('a service without ready endpoints refuses connections', () => {
  const rules = serviceRules(servicePorts([web], [], none))
  expect(rules).toContain(
    '-A KUBE-SERVICES -d 10.96.1.1/32 -p tcp --dport 80 -m comment --comment "dev/web:http has no ready endpoints" -j REJECT',
  )
  expect(rules).not.toContain('DNAT')
})

test('the order of services does not change the rules', () => {
  const api = service('api', { clusterIP: '10.96.1.2', ports: [{ port: 53, protocol: 'UDP' }] })
  const rules = serviceRules(servicePorts([web, api], [], none))
  expect(serviceRules(servicePorts([api, web], [], none))).toBe(rules)
  expect(rules).toContain('-p udp --dport 53')
})
