/** Which ports of the webhook are open to whom, and that no two programs of a pod want one. */
import { describe, expect, test } from '@jest/globals'
import { ownChart } from '../../cli/chart/files.ts'
import { renderChart } from '../../cli/chart/render.ts'
import type { Values } from '../../cli/chart/values.ts'
import type { KubeObject } from '../../core/kube/types.ts'

const rendered = (values: Values) =>
  renderChart(ownChart(), values, { name: 'azds', namespace: 'azds' })

type Policy = KubeObject & { spec: { ingress: { ports: { port: number }[]; from?: unknown }[] } }

function openPorts(values: Values, name = 'azds-webhook'): Map<number, unknown> {
  const policy = rendered(values).find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name,
  ) as Policy
  return new Map(
    policy.spec.ingress.flatMap(({ ports, from }) =>
      ports.map(({ port }) => [port, from ?? 'everybody'] as const),
    ),
  )
}

test('everybody may ask the webhook for admissions, and those that the values name may read its metrics', () => {
  expect(openPorts({})).toEqual(new Map([[10250, 'everybody']]))
  const monitoring = { namespaceSelector: { matchLabels: { team: 'monitoring' } } }
  const values = { networkPolicies: { metricsFrom: [monitoring] } }
  expect(openPorts(values)).toEqual(
    new Map<number, unknown>([
      [10250, 'everybody'],
      [8080, [monitoring]],
    ]),
  )
})

test('webhook and azds-api answer API servers only, where the values say where those are', () => {
  const cidr = { ipBlock: { cidr: '10.0.0.0/28' } }
  const monitoring = { podSelector: { matchLabels: { app: 'prometheus' } } }
  const values = { networkPolicies: { apiServersFrom: [cidr], metricsFrom: [monitoring] } }
  expect(openPorts(values)).toEqual(
    new Map<number, unknown>([
      [10250, [cidr]],
      [8080, [monitoring]],
    ]),
  )
  expect(openPorts(values, 'azds-api')).toEqual(new Map([[10250, [cidr]]]))
  expect(openPorts({}, 'azds-api')).toEqual(new Map([[10250, 'everybody']]))
})

const HOST = { hostNetwork: true }

test.each<[Values, string]>([
  [{ webhook: { port: 8080 } }, 'webhook.port is 8080, where its metrics are'],
  [{ webhook: { port: 9443, metricsPort: 9443 } }, 'webhook.port is 9443, where its metrics are'],
  [{ webhook: HOST }, 'webhook.hostNetwork needs another webhook.port'],
  [{ api: HOST }, 'api.hostNetwork needs another api.port'],
  [
    { webhook: { ...HOST, port: 9443 }, api: { ...HOST, port: 9443 } },
    "api.port is one of the webhook's",
  ],
  [
    { webhook: { ...HOST, port: 9443 }, api: { ...HOST, port: 8080 } },
    "api.port is one of the webhook's",
  ],
])('ports that somebody else has are refused before anything is made: %j', (values, says) => {
  expect(() => rendered(values)).toThrow(says)
})

test('other ports are open to the same', () => {
  expect(openPorts({ webhook: { port: 9443 } })).toEqual(new Map([[9443, 'everybody']]))
  const monitoring = { namespaceSelector: { matchLabels: { team: 'monitoring' } } }
  const values = { webhook: { metricsPort: 9080 }, networkPolicies: { metricsFrom: [monitoring] } }
  expect([...openPorts(values).keys()]).toEqual([10250, 9080])
})

describe('in the network of its node', () => {
  const values = { webhook: { ...HOST, port: 9443 }, api: { ...HOST, port: 9444 } }
  const objects = rendered({ ...values, namespace: { create: true } })
  const named = (kind: string, name: string) =>
    objects.find((one) => one.kind === kind && one.metadata.name === name)

  test.each([
    ['azds-webhook', [9443, 8080]],
    ['azds-api', [9444]],
  ])(
    '%s gives its port up before another pod takes it, and finds names of the cluster',
    (name, ports) => {
      const { spec } = named('Deployment', name) as unknown as { spec: Record<string, never> }
      expect(spec).toMatchObject({
        strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        template: {
          spec: {
            hostNetwork: true,
            dnsPolicy: 'ClusterFirstWithHostNet',
            containers: [{ ports: ports.map((containerPort) => ({ containerPort })) }],
          },
        },
      })
    },
  )

  test('the controller answers azds-api, whose address is no pod’s', () => {
    const { spec } = named('NetworkPolicy', 'azds-controller') as Policy
    expect(spec.ingress).toEqual([{ ports: [{ port: 8443, protocol: 'TCP' }] }])
  })

  test('our namespace allows it', () => {
    expect(named('Namespace', 'azds')?.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'privileged',
    })
  })
})

test('without it no pod of ours asks for more than a pod’s own network', () => {
  expect(JSON.stringify(rendered({})).includes('"hostNetwork":')).toBe(false)
})

test('several gateways outlive a drain, and a single one does not stop it', () => {
  const budgets = (replicas: number) =>
    rendered({ gateway: { replicas } })
      .filter(({ kind }) => kind === 'PodDisruptionBudget')
      .map(({ metadata }) => metadata.name)
  expect(budgets(1)).toEqual(['azds-webhook', 'azds-api'])
  expect(budgets(2)).toEqual(['azds-webhook', 'azds-api', 'azds-gateway'])
})
