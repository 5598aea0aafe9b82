import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { call, until } from './api-client.ts'
import { startControlPlane } from './control-plane.ts'

// Far more than it takes, for a machine that does much else.
jest.setTimeout(30_000)

let server: ApiServer
let namespace: string
let counter = 0

beforeAll(async () => {
  server = await startControlPlane()
})

afterAll(() => server.close())

beforeEach(() => {
  namespace = `built-in-${counter++}`
})

const makeNamespace = (labels: Record<string, string> = {}) =>
  call(server, 'POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } })
const make = (path: string, body: object, query = '') =>
  call(server, 'POST', `${path.replace('NS', `namespaces/${namespace}`)}${query}`, body)
const container = (resources: object = {}, name = 'app') => ({ name, image: 'a/b:1', resources })
const makePod = (spec: object = {}, query = '', name = 'web') =>
  make(
    '/api/v1/NS/pods',
    { metadata: { name }, spec: { containers: [container()], ...spec } },
    query,
  )

test('a namespace that enforces a level refuses pods below it, and warns of what makes them', async () => {
  await makeNamespace({
    'pod-security.kubernetes.io/enforce': 'baseline',
    'pod-security.kubernetes.io/warn': 'restricted',
  })
  const refused = await makePod({ hostNetwork: true })
  expect([refused.status, refused.body.message]).toEqual([
    403,
    'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  ])
  const passed = await makePod()
  expect(passed.status).toBe(201)
  expect(passed.headers['warning']).toMatch(/would violate PodSecurity \\?"restricted:latest/)
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { hostPID: true, containers: [container()] },
  }
  const deployment = await make('/apis/apps/v1/NS/deployments', {
    metadata: { name: 'web' },
    spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template },
  })
  expect(deployment.status).toBe(201)
  expect(deployment.headers['warning']).toMatch(/would violate PodSecurity .*hostPID=true/)
})

test('a limit range gives containers what they do not name, and bounds what they do', async () => {
  await makeNamespace()
  await make('/api/v1/NS/limitranges', {
    metadata: { name: 'limits' },
    spec: {
      limits: [
        {
          type: 'Container',
          default: { memory: '256Mi' },
          defaultRequest: { memory: '64Mi' },
          max: { memory: '1Gi' },
          min: { memory: '32Mi' },
          maxLimitRequestRatio: { memory: '8' },
        },
      ],
    },
  })
  const { body } = await makePod()
  expect(body.spec.containers[0].resources).toEqual({
    limits: { memory: '256Mi' },
    requests: { memory: '64Mi' },
  })
  const bad = async (resources: object) =>
    (await makePod({ containers: [container(resources)] }, '', 'bad')).body.message
  expect(await bad({ requests: { memory: '16Mi' }, limits: { memory: '64Mi' } })).toBe(
    'pods "bad" is forbidden: minimum memory usage per Container is 32Mi, but request is 16777216',
  )
  expect(await bad({ limits: { memory: '2Gi' } })).toContain('maximum memory usage per Container')
  expect(await bad({ requests: { memory: '32Mi' }, limits: { memory: '1Gi' } })).toBe(
    'pods "bad" is forbidden: memory max limit to request ratio per Container is 8, but provided ratio is 32.000000',
  )
})

test('a quota counts pods and what they ask for, with their sidecars', async () => {
  await makeNamespace()
  await make('/api/v1/NS/resourcequotas', {
    metadata: { name: 'q' },
    spec: { hard: { pods: '2', 'requests.cpu': '1', 'limits.memory': '1Gi' } },
  })
  const resources = (cpu: string, memory: string) => ({ requests: { cpu }, limits: { memory } })
  const missing = await makePod({ containers: [container({ requests: { cpu: '1m' } })] })
  expect(missing.body.message).toBe(
    'pods "web" is forbidden: failed quota: q: must specify limits.memory for: app',
  )
  const sidecar = { ...container(resources('300m', '256Mi'), 'proxy'), restartPolicy: 'Always' }
  const spec = { containers: [container(resources('400m', '256Mi'))], initContainers: [sidecar] }
  const dry = await makePod(spec, '?dryRun=All', 'dry')
  expect(dry.status).toBe(201)
  expect((await makePod(spec, '', 'first')).status).toBe(201)
  const path = `/api/v1/namespaces/${namespace}/resourcequotas/q`
  await until('what is used', async () => {
    const { used } = (await call(server, 'GET', path)).body.status ?? {}
    return (
      used?.pods === '1' && used['requests.cpu'] === '700m' && used['limits.memory'] === '512Mi'
    )
  })
  const over = await makePod(spec, '?dryRun=All', 'second')
  expect([over.status, over.body.message]).toEqual([
    403,
    'pods "second" is forbidden: exceeded quota: q, requested: requests.cpu=700m, used: requests.cpu=700m, limited: requests.cpu=1',
  ])
  const small = { containers: [container(resources('100m', '128Mi'))] }
  // Two at once for the one place that is left.
  const both = await Promise.all([makePod(small, '', 'third'), makePod(small, '', 'fourth')])
  expect(both.map(({ status }) => status).sort()).toEqual([201, 403])
})

test('a quota of a priority class is about pods of that class alone', async () => {
  await makeNamespace()
  const selector = {
    scopeName: 'PriorityClass',
    operator: 'In',
    values: ['system-cluster-critical'],
  }
  await make('/api/v1/NS/resourcequotas', {
    metadata: { name: 'critical' },
    spec: { hard: { pods: '0' }, scopeSelector: { matchExpressions: [selector] } },
  })
  expect((await makePod()).status).toBe(201)
  const critical = await makePod({ priorityClassName: 'system-cluster-critical' }, '', 'critical')
  expect(critical.body.message).toContain('exceeded quota: critical')
})

test.each<[string, string, object, string]>([
  [
    'a network policy with an unknown protocol',
    '/apis/networking.k8s.io/v1/NS/networkpolicies',
    { spec: { podSelector: {}, ingress: [{ ports: [{ protocol: 'HTTP', port: 80 }] }] } },
    'spec.ingress[0].ports[0].protocol: Unsupported value: "HTTP"',
  ],
  [
    'a network policy with a peer that is none',
    '/apis/networking.k8s.io/v1/NS/networkpolicies',
    { spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
    'spec.ingress[0].from[0]: Required value: must specify a peer',
  ],
  [
    'a network policy with a bad operator',
    '/apis/networking.k8s.io/v1/NS/networkpolicies',
    { spec: { podSelector: { matchExpressions: [{ key: 'a', operator: 'in', values: ['b'] }] } } },
    'spec.podSelector.matchExpressions[0].operator: Invalid value: "in"',
  ],
  [
    'a disruption budget with both bounds',
    '/apis/policy/v1/NS/poddisruptionbudgets',
    { spec: { minAvailable: 1, maxUnavailable: 1, selector: {} } },
    'minAvailable and maxUnavailable cannot be both set',
  ],
  [
    'a projected volume that writes one file twice',
    '/api/v1/NS/pods',
    {
      spec: {
        containers: [container()],
        volumes: [
          {
            name: 'v',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token' } },
                { secret: { name: 's', items: [{ key: 'k', path: 'token' }] } },
              ],
            },
          },
        ],
      },
    },
    'spec.volumes[0].projected.sources[1].secret: Invalid value: "token": conflicting duplicate paths',
  ],
  [
    'a projected token that lasts too short',
    '/api/v1/NS/pods',
    {
      spec: {
        containers: [container()],
        volumes: [
          {
            name: 'v',
            projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] },
          },
        ],
      },
    },
    'may not specify a duration less than 10 minutes',
  ],
  [
    'an APIService of another name',
    '/apis/apiregistration.k8s.io/v1/apiservices',
    {
      spec: {
        group: 'azds.io',
        version: 'v1',
        groupPriorityMinimum: 1,
        versionPriority: 1,
        service: { namespace: 'a', name: 'b' },
      },
    },
    'metadata.name: Invalid value: "one": must be `spec.version+"."+spec.group`: "v1.azds.io"',
  ],
])('%s is refused', async (_, path, body, message) => {
  await makeNamespace()
  const answer = await make(path, { metadata: { name: 'one' }, ...body })
  expect(answer.status).toBe(422)
  expect(answer.body.message).toContain(message)
})

test('a variable that is defined twice is warned of, and cannot be applied', async () => {
  await makeNamespace()
  const twice = [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
    { name: 'A', value: '3' },
  ]
  const labels = { a: 'b' }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ ...container(), env: twice }] } },
    },
  }
  const posted = await make('/apis/apps/v1/NS/deployments', deployment)
  expect(posted.headers['warning']).toMatch(
    /spec\.template\.spec\.containers\[0\]\.env\[2\]: hides previous definition of/,
  )
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web?fieldManager=test`
  const type = 'application/apply-patch+yaml'
  const { status, body } = await call(server, 'PATCH', path, deployment, { type })
  expect([status, body.message]).toEqual([
    500,
    'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="app"].env: duplicate entries for key [name="A"]',
  ])
})
