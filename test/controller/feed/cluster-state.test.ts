/** Kubernetes objects as sidecars see them. */
import { expect, test } from '@jest/globals'
import { feedServiceOf, selfPortsOf, spacesOf } from '../../../controller/feed/cluster-state.ts'
import { pod, service, slice, space } from '../kube-objects.ts'

test('only labelled namespaces are spaces', () => {
  const namespaces = [space('dev'), space('alice', 'dev'), { metadata: { name: 'kube-system' } }]
  expect([...spacesOf(namespaces).values()]).toEqual([
    { name: 'dev', parent: null },
    { name: 'alice', parent: 'dev' },
  ])
})

test('a Service carries its addresses, its ports and how many endpoints are ready', () => {
  expect(
    feedServiceOf(service('dev', 'web'), [slice('dev', 'web', ['10.0.0.1', '10.0.0.2'])]),
  ).toEqual({
    space: 'dev',
    name: 'web',
    clusterIPs: ['10.96.0.1'],
    ports: [{ name: '', port: 80, appProtocol: '', ready: 2, endpoints: [] }],
  })
})

test.each([
  { conditions: { ready: true }, ready: 1 },
  { conditions: { ready: false }, ready: 0 },
  { conditions: {}, ready: 1 },
  { conditions: undefined, ready: 1 },
  { conditions: { ready: true, terminating: true }, ready: 0 },
  { conditions: { ready: false, serving: true, terminating: true }, ready: 0 },
])('an endpoint with conditions $conditions counts as $ready ready', ({ conditions, ready }) => {
  const endpoint = { addresses: ['10.0.0.1'], ...(conditions ? { conditions } : {}) }
  const feed = feedServiceOf(service('dev', 'web'), [slice('dev', 'web', [endpoint])])
  expect(feed?.ports[0]?.ready).toBe(ready)
})

test('an endpoint that two slices name is one endpoint', () => {
  const slices = [slice('dev', 'web', ['10.0.0.1']), slice('dev', 'web', ['10.0.0.1', '10.0.0.2'])]
  expect(feedServiceOf(service('dev', 'web'), slices)?.ports[0]?.ready).toBe(2)
})

test('each port counts the endpoints of the slice port that has its name', () => {
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'admin', port: 81, targetPort: 'admin', appProtocol: 'http' },
  ]
  const slices = [
    slice('dev', 'web', ['10.0.0.1'], { ports: [{ name: 'http', port: 8080 }] }),
    slice('dev', 'web', ['10.0.0.2', '10.0.0.3'], {
      ports: [{ name: 'admin', port: 9000, protocol: 'TCP' }],
    }),
  ]
  expect(feedServiceOf(service('dev', 'web', { ports }), slices)?.ports).toEqual([
    { name: 'http', port: 80, appProtocol: '', ready: 1, endpoints: [] },
    { name: 'admin', port: 81, appProtocol: 'http', ready: 2, endpoints: [] },
  ])
})

test('a headless Service lists its ready endpoints with the port inside the pod', () => {
  const headless = service('dev', 'db', { clusterIP: 'None', clusterIPs: ['None'] })
  const slices = [
    slice('dev', 'db', [
      '10.0.0.2',
      '10.0.0.1',
      { addresses: ['10.0.0.9'], conditions: { ready: false } },
    ]),
    slice('dev', 'db', ['fd00::1'], { addressType: 'IPv6' }),
  ]
  expect(feedServiceOf(headless, slices)).toMatchObject({
    clusterIPs: [],
    ports: [{ ready: 2, endpoints: ['10.0.0.1:8080', '10.0.0.2:8080', '[fd00::1]:8080'] }],
  })
})

test('a dual-stack pod is one endpoint although it is in two slices', () => {
  const dual = service('dev', 'web', { clusterIPs: ['10.96.0.1', 'fd00:96::1'] })
  const slices = [
    slice('dev', 'web', ['10.0.0.1']),
    slice('dev', 'web', ['fd00::1'], { addressType: 'IPv6' }),
  ]
  expect(feedServiceOf(dual, slices)).toMatchObject({
    clusterIPs: ['10.96.0.1', 'fd00:96::1'],
    ports: [{ ready: 1 }],
  })
})

test('UDP ports are left out', () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ]
  const feed = feedServiceOf(service('dev', 'dns', { ports }), [])
  expect(feed?.ports.map((port) => port.name)).toEqual(['dns-tcp'])
})

test('an ExternalName is no service to route by, and one without selector is', () => {
  expect(feedServiceOf(service('dev', 'ext', { type: 'ExternalName' }), [])).toBeNull()
  const manual = service('dev', 'manual')
  delete manual.spec.selector
  expect(feedServiceOf(manual, [slice('dev', 'manual', ['192.0.2.1'])])?.ports[0]?.ready).toBe(1)
})

test.each([
  { what: 'a number', targetPort: 8080, expected: 8080 },
  { what: 'nothing, so the Service’s own', targetPort: undefined, expected: 80 },
  { what: 'a name of a container port', targetPort: 'http', expected: 3000 },
  { what: 'a name that only a UDP port has', targetPort: 'udp', expected: null },
  { what: 'a name that no port has', targetPort: 'nowhere', expected: null },
])('a target port that is $what leads to $expected', ({ targetPort, expected }) => {
  const web = pod('dev', 'web-1', { app: 'web' }, [
    { name: 'http', containerPort: 3000 },
    { name: 'udp', containerPort: 3001, protocol: 'UDP' },
  ])
  const ports = [{ port: 80, ...(targetPort === undefined ? {} : { targetPort }) }]
  expect(selfPortsOf(web, [service('dev', 'web', { ports })])).toEqual(
    expected === null ? [] : [{ service: 'web', port: 80, targetPort: expected }],
  )
})

test('only Services whose whole selector matches, in the pod’s namespace, lead to it', () => {
  const web = pod('dev', 'web-1', { app: 'web', tier: 'front' })
  const services = [
    service('dev', 'web'),
    service('dev', 'both', { selector: { app: 'web', tier: 'front' } }),
    service('dev', 'more', { selector: { app: 'web', tier: 'back' } }),
    service('dev', 'empty', { selector: {} }),
    service('alice', 'web'),
  ]
  expect(selfPortsOf(web, services).map((port) => port.service)).toEqual(['both', 'web'])
})
