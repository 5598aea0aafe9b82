import { expect, test } from '@jest/globals'
import { endpointGroups } from '../../../playground/controllers/endpoints.ts'
import type { PodObject, ServiceObject } from '../../../playground/controllers/kinds.ts'

function pod(
  name: string,
  extra: { ready?: boolean; ip?: string; phase?: string; port?: number } = {},
) {
  const { ready = true, ip = '10.0.0.1', phase = 'Running', port = 8080 } = extra
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'dev',
      uid: name,
      labels: { app: 'web' },
      resourceVersion: '1',
      creationTimestamp: '',
    },
    spec: {
      nodeName: 'n',
      containers: [{ name: 'c', ports: [{ name: 'http', containerPort: port }] }],
    },
    status: { phase, podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  } satisfies PodObject as PodObject
}

const service = (spec: object = {}): ServiceObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace: 'dev',
    uid: 's',
    resourceVersion: '1',
    creationTimestamp: '',
  },
  spec: {
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    ...spec,
  },
})

test('a ready pod serves at the number of the named port', () => {
  expect(endpointGroups(service(), [pod('a')])).toEqual([
    {
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: 'n',
          targetRef: { kind: 'Pod', name: 'a', namespace: 'dev', uid: 'a' },
        },
      ],
    },
  ])
})

test('pods that give the port another number are a group of their own', () => {
  const groups = endpointGroups(service(), [pod('a'), pod('b', { port: 9090 }), pod('c')])
  expect(groups.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length])).toEqual([
    [8080, 2],
    [9090, 1],
  ])
})

test.each([
  [
    'not ready',
    pod('a', { ready: false }),
    {},
    { ready: false, serving: false, terminating: false },
  ],
  [
    'not ready but published all the same',
    pod('a', { ready: false }),
    { publishNotReadyAddresses: true },
    { ready: true, serving: false, terminating: false },
  ],
  [
    'ending',
    { ...pod('a'), metadata: { ...pod('a').metadata, deletionTimestamp: 'now' } },
    {},
    { ready: false, serving: true, terminating: true },
  ],
])('a pod that is %s', (_, one, spec, conditions) => {
  const [group] = endpointGroups(service(spec), [one as PodObject])
  expect(group?.endpoints[0]).toMatchObject({ conditions })
})

test.each([
  ['without an address', pod('a', { ip: '' })],
  ['that has ended', pod('a', { phase: 'Succeeded' })],
  ['of another app', { ...pod('a'), metadata: { ...pod('a').metadata, labels: { app: 'x' } } }],
])('a pod %s is no endpoint', (_, one) => {
  expect(endpointGroups(service(), [one as PodObject])).toEqual([{ ports: [], endpoints: [] }])
})

test('a native sidecar’s named port counts', () => {
  const one = pod('a')
  one.spec.initContainers = [{ name: 'p', ports: [{ name: 'admin', containerPort: 15020 }] }]
  const ports = [{ name: 'admin', port: 1, targetPort: 'admin' }]
  expect(endpointGroups(service({ ports }), [one])[0]?.ports).toEqual([
    { name: 'admin', port: 15020, protocol: 'TCP' },
  ])
})
