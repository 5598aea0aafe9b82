/** Which ports of the webhook are open to whom, and that no two programs of a pod want one. */
import { expect, test } from '@jest/globals'
import { ownChart } from '../../cli/chart/files.ts'
import { renderChart } from '../../cli/chart/render.ts'
import type { Values } from '../../cli/chart/values.ts'
import type { KubeObject } from '../../core/kube/types.ts'

const rendered = (values: Values) =>
  renderChart(ownChart(), values, { name: 'azds', namespace: 'azds' })

type Policy = KubeObject & { spec: { ingress: { ports: { port: number }[]; from?: unknown }[] } }

function openPorts(values: Values): Map<number, unknown> {
  const policy = rendered(values).find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'azds-webhook',
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

test('admission on the port of the metrics is refused before anything is made', () => {
  expect(() => rendered({ webhook: { port: 8080 } })).toThrow('webhook.port is 8080')
  expect(openPorts({ webhook: { port: 9443 } })).toEqual(new Map([[9443, 'everybody']]))
})
