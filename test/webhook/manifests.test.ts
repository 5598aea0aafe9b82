/** The manifests say what the programs do: names, ports, settings, rights, and who is asked about. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { evaluate } from '@marcbachmann/cel-js'
import { parseAllDocuments } from 'yaml'
import { settings as controllerSettings } from '../../controller/config.ts'
import { CLUSTER_NAMESPACES } from '../../core/injection/decide.ts'
import type { Container, KubeObject, PodSpec } from '../../core/kube/types.ts'
import {
  CONTROLLER_PORT,
  CONTROLLER_SERVICE,
  GATEWAY_PORT,
  GATEWAY_SERVICE,
  LABEL,
  SYSTEM_NAMESPACE,
  WEBHOOK_CA_SECRET,
  WEBHOOK_CONFIGURATION,
  WEBHOOK_PORT,
  WEBHOOK_SERVICE,
} from '../../core/names.ts'
import { settings as proxySettings } from '../../proxy/config.ts'
import { settings as webhookSettings } from '../../webhook/config.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'deploy/manifests')
const objects = readdirSync(FOLDER)
  .toSorted()
  .flatMap((file) => parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')))
  .map((document) => document.toJS() as Manifest)

interface Rule {
  apiGroups: string[]
  resources: string[]
  resourceNames?: string[]
  verbs: string[]
}
interface Webhook {
  failurePolicy: string
  sideEffects: string
  timeoutSeconds: number
  reinvocationPolicy: string
  namespaceSelector: { matchExpressions: { key: string; operator: string; values: string[] }[] }
  matchConditions: { name: string; expression: string }[]
  clientConfig: { service: { namespace: string; name: string; port: number; path: string } }
}
type Manifest = KubeObject & {
  rules?: Rule[]
  webhooks?: Webhook[]
  spec?: {
    template?: { metadata: { labels: Record<string, string> }; spec: PodSpec }
    selector?: Record<string, string> & { matchLabels?: Record<string, string> }
    ports?: { port: number; targetPort: string }[]
  }
}

function find(kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (!found) throw new Error(`no ${kind} ${name} in deploy/manifests`)
  return found
}

function containerOf(deployment: string): Container {
  const container = find('Deployment', deployment).spec?.template?.spec.containers[0]
  if (!container) throw new Error(`${deployment} has no container`)
  return container
}

test('the namespace comes first and the webhook configuration last, as kubectl applies them', () => {
  expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } })
  expect(objects.at(-1)).toMatchObject({ kind: 'MutatingWebhookConfiguration' })
})

test.each([
  [WEBHOOK_SERVICE, 443, WEBHOOK_PORT, 'azds-webhook'],
  [CONTROLLER_SERVICE, 80, CONTROLLER_PORT, 'azds-controller'],
  [GATEWAY_SERVICE, 80, GATEWAY_PORT, 'azds-gateway'],
])('the service %s leads from port %d to port %d of %s', (name, port, target, deployment) => {
  const service = find('Service', name)
  const template = find('Deployment', deployment).spec?.template
  expect(template?.metadata.labels).toMatchObject(service.spec?.selector ?? { none: '' })
  const [only] = service.spec?.ports ?? []
  expect(only?.port).toBe(port)
  const ports = containerOf(deployment).ports ?? []
  expect(ports.find((item) => item.name === only?.targetPort)?.containerPort).toBe(target)
})

test.each([
  ['azds-webhook', webhookSettings],
  ['azds-controller', controllerSettings],
  ['azds-gateway', proxySettings],
])(
  '%s gets only settings that its program reads, with values that it accepts',
  (name, settings) => {
    for (const { name: env, value } of containerOf(name).env ?? []) {
      const setting = Object.values(settings).find((candidate) => candidate.env === env)
      expect(`${env}: ${setting?.env}`).toBe(`${env}: ${env}`)
      if (value !== undefined) expect(setting?.parse(value)).toMatchObject({ ok: true })
    }
  },
)

test.each(['azds-webhook', 'azds-controller', 'azds-gateway'])(
  '%s meets the restricted Pod Security level that its namespace enforces',
  (name) => {
    const pod = find('Deployment', name).spec?.template?.spec
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(containerOf(name)).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      resources: { requests: expect.anything(), limits: expect.anything() },
      readinessProbe: expect.anything(),
      livenessProbe: expect.anything(),
    })
  },
)

test('no role has a wildcard, and only the webhook may write, to two named objects', () => {
  const rules = objects.flatMap(({ metadata, rules = [] }) =>
    rules.map((rule) => ({ role: metadata.name, ...rule })),
  )
  expect(JSON.stringify(rules)).not.toContain('*')
  const writing = rules.filter(({ verbs }) =>
    verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
  )
  expect(
    writing.map(({ role, resources, resourceNames }) => ({ role, resources, resourceNames })),
  ).toEqual([
    {
      role: 'azds-webhook',
      resources: ['mutatingwebhookconfigurations'],
      resourceNames: [WEBHOOK_CONFIGURATION],
    },
    { role: 'azds-webhook', resources: ['secrets'], resourceNames: undefined },
  ])
  const reading = rules.filter(({ resources }) => resources.includes('secrets'))
  expect(reading[0]).toMatchObject({ resourceNames: [WEBHOOK_CA_SECRET], verbs: ['get'] })
})

test('a quota lets pods of the webhook’s priority into its namespace, where clusters ask for one', () => {
  const priority = find('Deployment', 'azds-webhook').spec?.template?.spec['priorityClassName']
  expect(find('ResourceQuota', 'azds-critical-pods').spec).toMatchObject({
    scopeSelector: {
      matchExpressions: [{ scopeName: 'PriorityClass', values: [priority] }],
    },
  })
})

const [webhook] = find('MutatingWebhookConfiguration', WEBHOOK_CONFIGURATION).webhooks ?? []

test('the webhook fails closed, in spaces only, without side effects, and leads to its service', () => {
  expect(webhook).toMatchObject({
    failurePolicy: 'Fail',
    sideEffects: 'None',
    timeoutSeconds: 5,
    reinvocationPolicy: 'IfNeeded',
    clientConfig: {
      service: {
        namespace: SYSTEM_NAMESPACE,
        name: WEBHOOK_SERVICE,
        port: 443,
        path: '/mutate',
      },
    },
  })
  expect(webhook?.namespaceSelector.matchExpressions).toEqual([
    { key: LABEL.space, operator: 'In', values: ['true'] },
    {
      key: 'kubernetes.io/metadata.name',
      operator: 'NotIn',
      values: [...CLUSTER_NAMESPACES, SYSTEM_NAMESPACE],
    },
  ])
})

/** Reasons for which the API server itself lets a pod through. */
const BY_CONDITION = ['host-network', 'opted-out', 'mirror-pod', 'windows']
const GOLDEN = join(import.meta.dirname, 'golden')
const cases = readdirSync(GOLDEN)
  .filter((file) => file.endsWith('.pod.yaml'))
  .map((file) => {
    const pod = parseAllDocuments(readFileSync(join(GOLDEN, file), 'utf8'))
      .at(-1)
      ?.toJS()
    const answer = JSON.parse(
      readFileSync(join(GOLDEN, file.replace('.pod.yaml', '.patch.json')), 'utf8'),
    )
    return { file, pod, reason: answer.reason as string | undefined }
  })

test('each condition is tried by at least one pod', () => {
  expect(new Set(cases.map(({ reason }) => reason))).toEqual(
    new Set([
      ...BY_CONDITION,
      ...['system-namespace', 'not-a-space', 'virtual-node', 'foreign-mesh', 'already-injected'],
      undefined,
    ]),
  )
})

test.each(cases)(
  '$file passes the conditions just as the webhook would decide',
  ({ pod, reason }) => {
    const conditions = webhook?.matchConditions ?? []
    const asked = conditions.every(
      ({ expression }) => evaluate(expression, { object: pod }) === true,
    )
    expect(asked).toBe(!BY_CONDITION.includes(reason ?? ''))
  },
)
