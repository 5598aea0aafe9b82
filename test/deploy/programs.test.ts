/** The manifests start the programs as they are: names, ports, settings, and the security that the namespace demands. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { settings as controllerSettings } from '../../controller/config.ts'
import type { Container, PodSpec } from '../../core/kube/types.ts'
import {
  API_SERVER_FACING_PORT,
  API_SERVICE,
  CONTROLLER_AUDIENCE,
  CONTROLLER_PORT,
  CONTROLLER_SERVICE,
  CONTROLLER_TLS_PORT,
  GATEWAY_PORT,
  GATEWAY_SERVICE,
  IDENTITY_DIR,
  IDENTITY_VOLUME,
  SYSTEM_NAMESPACE,
  WEBHOOK_SERVICE,
} from '../../core/names.ts'
import { settings as proxySettings } from '../../proxy/config.ts'
import { settings as webhookSettings } from '../../webhook/config.ts'
import { DEFAULT_PROXY_RESOURCES } from '../../webhook/inject/resources.ts'
import { containerOf, find, MANIFESTS, manifests, objects, ROOT } from './manifests-fixture.ts'

test('the namespace comes first and the webhook configuration last, as kubectl applies them', () => {
  expect(manifests[0]).toMatchObject({ kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } })
  expect(manifests.at(-1)).toMatchObject({ kind: 'MutatingWebhookConfiguration' })
})

test.each([
  [WEBHOOK_SERVICE, 443, API_SERVER_FACING_PORT, 'azds-webhook'],
  [CONTROLLER_SERVICE, 80, CONTROLLER_PORT, 'azds-controller'],
  [CONTROLLER_SERVICE, 443, CONTROLLER_TLS_PORT, 'azds-controller'],
  [API_SERVICE, 443, API_SERVER_FACING_PORT, 'azds-api'],
  [GATEWAY_SERVICE, 80, GATEWAY_PORT, 'azds-gateway'],
])('the service %s leads from port %d to port %d of %s', (name, port, target, deployment) => {
  const service = find('Service', name)
  const template = find('Deployment', deployment).spec?.template
  expect(template?.metadata.labels).toMatchObject(service.spec?.selector ?? { none: '' })
  const led = service.spec?.ports?.find((item) => item.port === port)
  const ports = containerOf(deployment).ports ?? []
  expect(ports.find((item) => item.name === led?.targetPort)?.containerPort).toBe(target)
})

test.each([
  ['azds-webhook', webhookSettings],
  ['azds-controller', controllerSettings],
  ['azds-api', controllerSettings],
  ['azds-gateway', proxySettings],
])(
  '%s gets only settings that its program reads, each once, with values that it accepts',
  (name, settings) => {
    const variables = containerOf(name).env ?? []
    expect(variables).toHaveLength(new Set(variables.map((one) => one.name)).size)
    for (const { name: env, value } of variables) {
      const setting = Object.values(settings).find((candidate) => candidate.env === env)
      expect(`${env}: ${setting?.env}`).toBe(`${env}: ${env}`)
      if (value !== undefined) expect(setting?.parse(value)).toMatchObject({ ok: true })
    }
  },
)

test('a sidecar’s resources are those that the webhook would take by itself', () => {
  const { value = '' } =
    containerOf('azds-webhook').env?.find(({ name }) => name === 'AZDS_PROXY_RESOURCES') ?? {}
  expect(JSON.parse(value)).toEqual(JSON.parse(DEFAULT_PROXY_RESOURCES))
})

const workloads = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet')
const podOf = (name: string): PodSpec => {
  const spec = workloads.find(({ metadata }) => metadata.name === name)?.spec?.template?.spec
  if (!spec) throw new Error(`${name} has no pods`)
  return spec
}
interface Probe {
  periodSeconds?: number
  failureThreshold?: number
  httpGet?: object
}
const names = workloads.map(({ metadata: { name = '' } }) => name)

test.each(names)(
  '%s meets the restricted Pod Security level that its namespace enforces',
  (name) => {
    const { securityContext, containers, initContainers = [] } = podOf(name)
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    const all: Container[] = [...containers, ...initContainers]
    for (const container of all) {
      expect(container).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: expect.anything(), limits: expect.anything() },
      })
    }
  },
)

test.each(names.filter((name) => name !== 'azds-image-prepull'))('%s is probed', (name) => {
  expect(containerOf(name)).toMatchObject({
    readinessProbe: expect.anything(),
    livenessProbe: expect.anything(),
  })
})

test.each(['azds-webhook', 'azds-api'])(
  '%s is not restarted while it waits for its certificate',
  (name) => {
    const { startupProbe, livenessProbe } = containerOf(name) as unknown as Record<string, Probe>
    // As long as a kubelet may take to pull an image of 100 MB over a slow line.
    const patience = (startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0)
    expect(patience).toBeGreaterThanOrEqual(300)
    expect(startupProbe?.httpGet).toEqual(livenessProbe?.httpGet)
  },
)

test('a quota lets pods of the webhook’s priority into its namespace, where clusters ask for one', () => {
  const priority = podOf('azds-webhook')['priorityClassName']
  expect(find('ResourceQuota', 'azds-critical-pods').spec).toMatchObject({
    scopeSelector: {
      matchExpressions: [
        { scopeName: 'PriorityClass', values: expect.arrayContaining([priority]) },
      ],
    },
  })
})

test('the gateway shows the controller a token of its own audience, and has none of the API server', () => {
  const pod = podOf('azds-gateway')
  expect(pod['automountServiceAccountToken']).toBe(false)
  expect(containerOf('azds-gateway').volumeMounts).toEqual([
    { name: IDENTITY_VOLUME, mountPath: IDENTITY_DIR, readOnly: true },
  ])
  const sources = [
    { serviceAccountToken: { audience: CONTROLLER_AUDIENCE } },
    { configMap: { name: 'azds-ca', optional: true } },
  ]
  expect(pod['volumes']).toMatchObject([{ name: IDENTITY_VOLUME, projected: { sources } }])
})

test('no manifest names an image of ours that nobody makes, nor does a default of the webhook', () => {
  const made = readdirSync(join(ROOT, 'deploy/images'))
  const texts = [
    ...readdirSync(MANIFESTS).map((name) => readFileSync(join(MANIFESTS, name), 'utf8')),
    ...Object.values(webhookSettings).map((setting) => setting.default ?? ''),
  ]
  const named = texts.flatMap((text) =>
    [...text.matchAll(/\bazds\/([a-z-]+):/g)].map(([, name]) => name),
  )
  expect(new Set(named)).toEqual(
    new Set(['controller', 'prepull', 'proxy', 'proxy-init', 'webhook']),
  )
  expect(named.filter((name = '') => !made.includes(name))).toEqual([])
})
