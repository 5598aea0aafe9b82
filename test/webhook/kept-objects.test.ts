/** Of each object no more is kept than the injection reads. */
import { expect, test } from '@jest/globals'
import type { KubeNode, LimitRange, ResourceQuota, Service } from '../../core/kube/types.ts'
import {
  keptOfLimitRange,
  keptOfNamespace,
  keptOfNode,
  keptOfQuota,
  keptOfService,
} from '../../webhook/kept-objects.ts'

const identity = { name: 'x', namespace: 'dev', resourceVersion: '7' }
const metadata = {
  ...identity,
  uid: 'u',
  creationTimestamp: '2026-01-01T00:00:00Z',
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'long' },
}

test('of a space our labels, its level of Pod Security and our annotations', () => {
  const labels = { 'azds.io/space': 'true', 'pod-security.kubernetes.io/enforce': 'baseline' }
  const annotations = { ...metadata.annotations, 'azds.io/opaque-ports': '6379' }
  const all = { ...labels, team: 'x', 'kubernetes.io/metadata.name': 'x' }
  const whole = { metadata: { ...metadata, labels: all, annotations } }
  expect(keptOfNamespace(whole)).toEqual({
    metadata: { ...identity, labels, annotations: { 'azds.io/opaque-ports': '6379' } },
  })
})

test.each([[undefined], [{}], [{ 'azds.io/space': 'false', 'azds.io/parent-space': 'dev' }]])(
  'of a namespace with the labels %j, which is no space, that it is there',
  (labels) => {
    const annotations = { 'azds.io/opaque-ports': '6379' }
    expect(
      keptOfNamespace({ metadata: { ...metadata, ...(labels && { labels }), annotations } }),
    ).toEqual({
      metadata: identity,
    })
  },
)

test('of a node its kubelet, its system and whether it is virtual', () => {
  const nodeInfo = { kubeletVersion: 'v1.34.1', operatingSystem: 'linux' }
  const whole = {
    metadata: { ...metadata, labels: { type: 'virtual-kubelet', 'kubernetes.io/arch': 'amd64' } },
    status: { nodeInfo: { ...nodeInfo, kernelVersion: '6.1' }, images: ['many'] },
  } as KubeNode
  expect(keptOfNode(whole)).toEqual({
    metadata: { ...identity, labels: { type: 'virtual-kubelet' } },
    status: { nodeInfo },
  })
  expect(keptOfNode({ metadata })).toEqual({ metadata: identity })
})

test('of a Service what leads to ports', () => {
  const spec = { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port: 80 }] }
  const whole: Service = { metadata, spec: { ...spec, clusterIP: '10.96.0.1' } }
  expect(keptOfService(whole)).toEqual({ metadata: identity, spec })
})

test('of quotas and limits what they say', () => {
  const spec = { hard: { 'limits.cpu': '2' } }
  const status = { ...spec, used: { 'limits.cpu': '1' } }
  const quota: ResourceQuota = { kind: 'ResourceQuota', metadata, spec, status }
  expect(keptOfQuota(quota)).toEqual({ metadata: identity, spec, status })
  const limits = { limits: [{ type: 'Container', max: { cpu: '1' } }] }
  const range: LimitRange = { kind: 'LimitRange', metadata, spec: limits }
  expect(keptOfLimitRange(range)).toEqual({ metadata: identity, spec: limits })
})
