import { expect, test } from '@jest/globals'
import { type DecisionFacts, decide } from '../../../core/injection/decide.ts'
import type { Pod } from '../../../core/kube/types.ts'

const facts: DecisionFacts = {
  namespace: { name: 'alice', labels: { 'azds.io/space': 'true' } },
  systemNamespace: 'azds',
}
const reasonOf = (spec: Partial<Pod['spec']>, metadata: Pod['metadata'] = {}, given = facts) => {
  const decision = decide({ metadata, spec: { containers: [{ name: 'web' }], ...spec } }, given)
  return decision.inject ? null : decision.reason
}

const term = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [
    { key: 'zone', operator: 'Exists' },
    { key, operator, values },
  ],
})
const affinity = (...nodeSelectorTerms: unknown[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  },
})

test.each<[string, Partial<Pod['spec']>, string | null]>([
  ['anywhere', {}, null],
  ['by its os', { os: { name: 'windows' } }, 'windows'],
  ['by its os, Linux', { os: { name: 'linux' } }, null],
  ['by a selector', { nodeSelector: { 'kubernetes.io/os': 'windows' } }, 'windows'],
  ['by the older label', { nodeSelector: { 'beta.kubernetes.io/os': 'windows' } }, 'windows'],
  ['by affinity', affinity(term('kubernetes.io/os', 'In', 'windows')), 'windows'],
  [
    'by affinity in each term',
    affinity(
      term('kubernetes.io/os', 'In', 'windows'),
      term('beta.kubernetes.io/os', 'In', 'windows'),
    ),
    'windows',
  ],
  [
    'by affinity in one of two terms',
    affinity(term('kubernetes.io/os', 'In', 'windows'), term('zone', 'In', 'a')),
    null,
  ],
  ['on either system', affinity(term('kubernetes.io/os', 'In', 'windows', 'linux')), null],
  ['anywhere but on Windows', affinity(term('kubernetes.io/os', 'NotIn', 'windows')), null],
  ['on virtual nodes', { nodeSelector: { type: 'virtual-kubelet' } }, 'virtual-node'],
  [
    'on virtual nodes, by affinity',
    affinity(term('type', 'In', 'virtual-kubelet')),
    'virtual-node',
  ],
  ['by no term', affinity(), null],
  ['by nonsense', affinity(null, 'x', { matchExpressions: 'x' }), null],
  ['by null', { affinity: null, nodeSelector: null as never }, null],
  ['by half of it', { affinity: { nodeAffinity: null } }, null],
])('a pod that is bound to nodes %s', (_, spec, reason) => {
  expect(reasonOf(spec)).toBe(reason)
})

test.each<[string, Partial<Pod['spec']>, Pod['metadata'], string | null]>([
  ['hostNetwork', { hostNetwork: true }, {}, 'host-network'],
  ['opted out', {}, { labels: { 'azds.io/no-proxy': 'true' } }, 'opted-out'],
  ['not opted out', {}, { labels: { 'azds.io/no-proxy': 'false' } }, null],
  ['a mirror', {}, { annotations: { 'kubernetes.io/config.mirror': 'x' } }, 'mirror-pod'],
  ['of Linkerd', { initContainers: [{ name: 'linkerd-proxy' }] }, {}, 'foreign-mesh'],
  ['of Istio', { containers: [{ name: 'a' }, { name: 'istio-proxy' }] }, {}, 'foreign-mesh'],
])('a pod that is %s', (_, spec, metadata, reason) => {
  expect(reasonOf(spec, metadata)).toBe(reason)
})

test.each([
  ['alice', { 'azds.io/space': 'yes' }, 'not-a-space'],
  ['alice', {}, 'not-a-space'],
  ['kube-system', { 'azds.io/space': 'true' }, 'system-namespace'],
  ['azds', { 'azds.io/space': 'true' }, 'system-namespace'],
])('a pod in the namespace %s with the labels %j', (name, labels, reason) => {
  expect(reasonOf({}, {}, { ...facts, namespace: { name, labels } as never })).toBe(reason)
})
