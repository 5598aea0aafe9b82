/** The chart: what helm says of it, what it makes on each Kubernetes, and whether an API server takes that. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { KubeObject } from '../../core/kube/types.ts'
import { PART_OF, PART_OF_LABEL } from '../../core/names.ts'
import { type ApiServer, startApiServer } from '../../playground/apiserver/server.ts'
import { type Programs, startPrograms } from '../playground/apiserver/programs.ts'
import { documentsOf, MANIFESTS, ROOT } from './manifests-fixture.ts'

const CHART = join(ROOT, 'deploy/chart')
/** Time (ms) for what runs helm or kubectl several times; each takes less than a second on an idle machine. */
const LIMIT_MS = 60_000

/** Values under which the chart makes every object that it can make. */
const ALL = [
  ...['api.enabled=true', 'namespace.create=true', 'controller.storage.kind=pvc'],
  ...['controller.storage.className=fast', 'sidecar.layout=native', 'clusterDomain=example.org'],
  ...['image.registry=r.example:5000/mirror', 'image.tag=v9', 'image.pullSecrets={one,two}'],
  ...[`image.digests.proxy=sha256:${'0'.repeat(64)}`, 'prepull.images={r.example/base:1}'],
  'networkPolicies.apiServersFrom[0].ipBlock.cidr=10.0.0.0/28',
  ...['networkPolicies.metricsFrom[0].namespaceSelector.matchLabels.team=ops'],
  ...['gateway.service.type=LoadBalancer', 'gateway.service.annotations.example\\.org/x=yes'],
  ...['webhook.replicas=3', 'webhook.port=9443', 'webhook.tolerations[0].operator=Exists'],
  ...['webhook.hostNetwork=true', 'api.hostNetwork=true', 'api.port=9444', 'gateway.replicas=2'],
  'webhook.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1',
  'webhook.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=zone',
]
const set = (values: readonly string[]) => values.map((value) => `--set '${value}'`).join(' ')

let server: ApiServer
let programs: Programs
beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  programs = await startPrograms(server)
}, LIMIT_MS)
afterAll(async () => {
  await programs?.close()
  await server?.close()
})

const template = async (options = ''): Promise<KubeObject[]> =>
  documentsOf(await programs.helm(`template azds ${CHART} -n azds ${options}`))
const namesOf = (objects: readonly KubeObject[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()

test(
  'helm lint has nothing to say of it but that it has no icon',
  async () => {
    for (const options of ['', set(ALL)]) {
      const said = await programs.helm(`lint --strict ${CHART} ${options}`)
      expect(said.match(/^\[\w+\].*/gm)).toEqual(['[INFO] Chart.yaml: icon is recommended'])
    }
  },
  2 * LIMIT_MS,
)

test.each([
  ['webhok.replicas=3', /webhok/],
  ['webhook.replicas=0', /minimum/],
  ['webhook.port=80', /minimum/],
  ['webhook.failurePolicy=fail', /failurePolicy/],
  ['image.digests.proxy=0123', /digests/],
  ['image.tag=a b', /tag/],
  ['controller.resources.limits.memory=lots', /memory/],
  ['controller.maxTraces=1000000', /maximum/],
  ['developerRoles.aggregateTo={cluster-admin}', /aggregateTo/],
])(
  'helm refuses %s',
  async (value, says) => {
    await expect(template(`--set '${value}'`)).rejects.toThrow(says)
  },
  LIMIT_MS,
)

test(
  'it makes the same objects for every Kubernetes from 1.29 to 1.36, and none for an older one',
  async () => {
    const first = namesOf(await template('--kube-version 1.29.0'))
    for (const minor of [30, 31, 32, 33, 34, 35, 36]) {
      expect(namesOf(await template(`--kube-version 1.${minor}.1`))).toEqual(first)
    }
    // Clouds have versions such as v1.31.4-gke.1183000.
    expect(namesOf(await template('--kube-version v1.31.4-gke.1183000'))).toEqual(first)
    await expect(template('--kube-version 1.28.9')).rejects.toThrow(/kubeVersion/)
  },
  2 * LIMIT_MS,
)

describe('with every value that adds an object', () => {
  let objects: KubeObject[]
  let text: string
  beforeAll(async () => {
    text = await programs.helm(`template azds ${CHART} -n azds ${set(ALL)}`)
    objects = documentsOf(text)
  }, LIMIT_MS)

  test('every object carries our label, and stands in our namespace or in none', () => {
    for (const { kind, metadata } of objects) {
      expect([kind, metadata.name, metadata.labels?.[PART_OF_LABEL]]).toEqual([
        kind,
        metadata.name,
        PART_OF,
      ])
      const home = metadata.name === 'azds-api-auth-reader' ? 'kube-system' : 'azds'
      expect([undefined, home]).toContain(metadata.namespace)
    }
  })

  test('caBundle is nowhere: who applies it would wipe what the programs write', () => {
    expect(text).not.toMatch(/^\s*caBundle/m)
  })

  test('names of images have the registry before and the digest after', () => {
    expect(text).toContain(`r.example:5000/mirror/azds/proxy:v9@sha256:${'0'.repeat(64)}`)
    const images = [...text.matchAll(/image: "?([^"\s]+)/g)].map(([, image = '']) => image)
    expect(images.every((image) => image.startsWith('r.example'))).toBe(true)
  })

  test('each object is valid by the models that others have made of Kubernetes’ schema', async () => {
    expect(objects.length).toBeGreaterThan(40)
    for (const object of objects) expect(await faultOf(object)).toBeNull()
  })

  test('the models do find a fault', async () => {
    const [deployment] = objects.filter(({ kind }) => kind === 'Deployment')
    const broken = structuredClone(deployment) as KubeObject & { spec: { replicas: unknown } }
    broken.spec.replicas = 'two'
    expect(await faultOf(broken)).toMatch(/replicas must be integer/)
  })

  test(
    'an API server takes all of it, with strict validation and without a warning',
    async () => {
      await programs.kubectl('create namespace azds')
      const apply = 'apply --dry-run=server --validate=strict -f -'
      // The namespace itself has just been made by other means.
      const rest = text.split(/^---\n/m).filter((each) => !/^kind: Namespace$/m.test(each))
      const { code, stdout, stderr } = await programs.tryKubectl(apply, rest.join('---\n'))
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout.trim().split('\n')).toHaveLength(objects.length - 1)
    },
    LIMIT_MS,
  )

  test(
    'it refuses a field that Kubernetes does not know',
    async () => {
      const typo = text.replace('terminationGracePeriodSeconds', 'terminationGracePeriod')
      const { code, stderr } = await programs.tryKubectl(
        'apply --dry-run=server --validate=strict -f -',
        typo,
      )
      expect([code, stderr]).toEqual([1, expect.stringContaining('terminationGracePeriod')])
    },
    LIMIT_MS,
  )
})

test(
  'kubectl takes the manifests, with strict validation and without a warning',
  async () => {
    await programs.tryKubectl('create namespace azds')
    const { code, stdout, stderr } = await programs.tryKubectl(
      `apply --dry-run=server --validate=strict -f ${MANIFESTS}`,
    )
    const aboutTheNamespace =
      /^Warning: resource namespaces\/azds is missing the .*last-applied.*$/gm
    expect([code, stderr.replaceAll(aboutTheNamespace, '').trim()]).toEqual([0, ''])
    expect(stdout).toContain(
      'mutatingwebhookconfiguration.admissionregistration.k8s.io/azds-webhook',
    )
  },
  LIMIT_MS,
)

/** What the model of the object's kind says of it; null if nothing. */
async function faultOf(object: KubeObject): Promise<string | null> {
  const path = `kubernetes-models/${object.apiVersion}/${object.kind}`
  const file = join(ROOT, 'node_modules', `${path}.js`)
  if (!existsSync(file)) throw new Error(`there is no model ${path}`)
  const models = await import(file)
  const Model = models[object.kind ?? '']
  try {
    new Model(object).validate()
    return null
  } catch (error) {
    return `${object.kind} ${object.metadata.name}: ${(error as Error).message}`
  }
}
