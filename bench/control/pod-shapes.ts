/** Fifty pods as they come in clusters, each of another shape: what the webhook is asked about. */

/** A random-looking but fixed choice. */
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

const PROBES = [
  {},
  { readinessProbe: { httpGet: { path: '/ready', port: 8080 } } },
  { readinessProbe: { tcpSocket: { port: 8080 } }, livenessProbe: { tcpSocket: { port: 'http' } } },
  { livenessProbe: { exec: { command: ['true'] } } },
]
const ANNOTATIONS = [
  {},
  { 'azds.io/skip-outbound-ports': '5432,6379' },
  { 'azds.io/opaque-ports': '7000-7010' },
  { 'azds.io/proxy-resources': '{"Limits":{"cpu":"500m","memory":"200Mi"}}' },
  { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9090' },
]

export interface PodShape {
  metadata: Record<string, unknown> & { labels: Record<string, string> }
  spec: Record<string, unknown>
}

export const POD_SHAPES: readonly PodShape[] = Array.from({ length: 50 }, (_, index) => ({
  metadata: {
    generateName: `app-${index}-7d9f8c-`,
    labels: { app: `app-${index}`, 'pod-template-hash': '7d9f8c', team: `team-${index % 7}` },
    annotations: pick(ANNOTATIONS, index),
  },
  spec: {
    containers: Array.from({ length: 1 + (index % 3) }, (__, number) => container(index, number)),
    ...(index % 4 === 0 && {
      initContainers: [{ name: 'migrate', image: 'registry.example/migrate:1' }],
    }),
    volumes: [
      { name: 'tmp', emptyDir: {} },
      { name: 'config', configMap: { name: `app-${index}` } },
      {
        name: 'kube-api-access',
        projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
      },
    ],
    serviceAccountName: 'default',
    ...(index % 5 === 0 && { securityContext: { runAsNonRoot: true, fsGroup: 2000 } }),
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
  },
}))

function container(index: number, number: number) {
  return {
    name: `c${number}`,
    image: `registry.example/team/app-${index}:1.${number}`,
    ports: number === 0 ? [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] : [],
    env: Array.from({ length: (index * 3) % 25 }, (_, variable) => ({
      name: `SETTING_${variable}`,
      value: `value-${variable}`,
    })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ],
    ...(number === 0 && pick(PROBES, index)),
  }
}
