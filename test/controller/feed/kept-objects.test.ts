/** What the feed keeps of an object says the same to it as the whole object. */
import { expect, test } from '@jest/globals'
import { feedServiceOf, selfPortsOf, spacesOf } from '../../../controller/feed/cluster-state.ts'
import {
  keptNamespace,
  keptPod,
  keptService,
  keptSlice,
} from '../../../controller/feed/kept-objects.ts'
import { pod, service, slice, space } from '../kube-objects.ts'

/** What every object carries and nobody here reads. */
const BALLAST = {
  uid: 'u',
  resourceVersion: '7',
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  managedFields: [{ manager: 'kubectl' }],
}

function laden<T extends { metadata: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, ...BALLAST } }
}

test('a Service and its slices make the same entry, and lead to the same ports', () => {
  const ports = [
    { name: 'http', port: 80, targetPort: 'web', appProtocol: 'http', nodePort: 30_000 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ]
  const whole = laden(service('dev', 'web', { ports, type: 'NodePort' }))
  const part = laden(
    slice('dev', 'web', ['10.0.0.1', { addresses: ['10.0.0.2'], conditions: { ready: false } }], {
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    }),
  )
  expect(feedServiceOf(keptService(whole), [keptSlice(part)])).toEqual(feedServiceOf(whole, [part]))
  const one = laden(pod('dev', 'web-1', { app: 'web' }, [{ name: 'web', containerPort: 3000 }]))
  expect(selfPortsOf(one, [whole])).toHaveLength(1)
  expect(selfPortsOf(keptPod(one), [keptService(whole)])).toEqual(selfPortsOf(one, [whole]))
})

test('an ExternalName, a headless Service and one of old form stay what they are', () => {
  for (const spec of [
    { type: 'ExternalName', externalName: 'x.test' },
    { clusterIP: 'None', clusterIPs: ['None'] },
    { clusterIP: '10.96.0.9', clusterIPs: undefined as unknown as string[] },
  ]) {
    const whole = laden(service('dev', 'web', spec))
    const part = slice('dev', 'web', ['10.0.0.1'])
    expect(feedServiceOf(keptService(whole), [part])).toEqual(feedServiceOf(whole, [part]))
  }
})

test('a namespace keeps its place in the tree, and that it is on its way out', () => {
  const whole = laden(space('alice', 'dev'))
  whole.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
  const kept = keptNamespace(whole)
  expect(spacesOf([kept])).toEqual(spacesOf([whole]))
  expect(kept.metadata.deletionTimestamp).toBe(whole.metadata.deletionTimestamp)
})

test('nothing is kept that is not read', () => {
  const text = JSON.stringify([
    keptNamespace(laden(space('dev'))),
    keptService(laden(service('dev', 'web'))),
    keptSlice(laden(slice('dev', 'web', ['10.0.0.1']))),
  ])
  expect(text).not.toMatch(/managedFields|annotations|"uid"/)
  const { metadata } = keptPod(laden(pod('dev', 'web-1', {})))
  expect(Object.keys(metadata).toSorted()).toEqual(
    // By its uid a pod's token is told from that of the next one of its name.
    ['labels', 'name', 'namespace', 'resourceVersion', 'uid'],
  )
})
