/** `npm run e2e`: its options, and names that scenarios have on a cluster of somebody else's. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { KubeObject } from '../../core/kube/types.ts'
import { environmentOf, parseE2eOptions, runnable, SCENARIOS } from '../../scripts/e2e-options.ts'
import { shopService, space } from '../cluster/spaces/shop-objects.ts'
import { SpaceNames } from '../cluster/spaces/space-names.ts'
import { ROOT } from './manifests-fixture.ts'

test('what is given reaches the tests', () => {
  const args = '--kubeconfig k --context c --registry r.example --only routing,pods --keep'
  const parsed = parseE2eOptions(args.split(' '), '1.2.3')
  if (!parsed.ok) throw new Error(parsed.mistake)
  expect(environmentOf(parsed.options)).toMatchObject({
    AZDS_E2E_KUBECONFIG: 'k',
    AZDS_E2E_CONTEXT: 'c',
    AZDS_E2E_NAMESPACE: 'azds',
    AZDS_E2E_SAMPLE_IMAGE: 'r.example/azds/sample:1.2.3',
    AZDS_E2E_KEEP: 'true',
  })
})

test.each([
  ['', '--kubeconfig is needed'],
  ['--kubeconfig', '--kubeconfig needs a value'],
  ['--kubeconfig k --onyl routing', 'unknown option --onyl'],
  ['--kubeconfig k --only outage', '--only: there is no outage'],
  ['--kubeconfig k toString', 'unknown option toString'],
])('"%s" is refused', (line, mistake) => {
  const args = line.split(' ').filter((word) => word !== '')
  expect(parseE2eOptions(args, '1')).toEqual({ ok: false, mistake })
})

test('where nothing is switched off, all is run and nothing is said', () => {
  expect(runnable('', [])).toEqual({ scenarios: ['routing', 'leaving', 'pods'], leftOut: [] })
  expect(runnable('pods', [])).toEqual({ scenarios: ['pods'], leftOut: [] })
})

test('what a cluster without gateway or api cannot show is left out, and each is said', () => {
  const { scenarios, leftOut } = runnable('', ['gateway'])
  expect(scenarios).toEqual(['pods'])
  const why = 'because azds-gateway is not installed (gateway.enabled=false)'
  expect(leftOut).toEqual([
    `LEFT OUT: the scenario routing, ${why}`,
    `LEFT OUT: the scenario leaving, ${why}`,
    `LEFT OUT of the scenario pods: all checks of requests through the gateway, ${why}`,
  ])
  expect(runnable('pods', ['gateway', 'api']).leftOut.join()).toContain(
    'all checks of requests through the gateway and traces',
  )
  expect(runnable('routing', ['api']).scenarios).toEqual([])
})

test.each(SCENARIOS)('the scenario %s is a file of tests', (name) => {
  expect(existsSync(join(ROOT, `test/cluster/spaces/${name}.test.ts`))).toBe(true)
})

const PREFIX = 'azds-e2e-x1-'
const IMAGE = 'r.example/azds/sample:1'

function namesOf(...objects: KubeObject[]) {
  const names = new SpaceNames(PREFIX, IMAGE)
  return { names, made: objects.map((object) => names.object(object)) }
}

test('namespaces, parents and whatever lies in them get the prefix; nothing that was given is changed', () => {
  const alice = space('alice', 'dev')
  const { made } = namesOf(alice, ...shopService({ namespace: 'alice', service: 'orders' }))
  expect(made[0]?.metadata).toMatchObject({
    name: `${PREFIX}alice`,
    labels: { 'azds.io/parent-space': `${PREFIX}dev` },
  })
  expect(made[1]?.metadata).toMatchObject({ name: 'orders', namespace: `${PREFIX}alice` })
  expect(JSON.stringify(made[2])).toContain('{"name":"SERVICE","value":"orders"}')
  expect(JSON.stringify(made[2])).toContain(`"image":"${IMAGE}"`)
  expect(alice.metadata.name).toBe('alice')
})

test('hosts, URLs and headers are written with the prefix where they name a space, and read without it', () => {
  const { names } = namesOf(space('dev', null), space('alice', 'dev'), space('alice-two', 'dev'))
  expect(names.inText('alice.s.dev.web')).toBe(`${PREFIX}alice.s.${PREFIX}dev.web`)
  expect(names.inText('http://stock.dev/alice-two')).toBe(
    `http://stock.${PREFIX}dev/${PREFIX}alice-two`,
  )
  expect(names.headers({ cookie: 'theme=dark; azds-route-as=alice' })).toEqual({
    cookie: `theme=dark; azds-route-as=${PREFIX}alice`,
  })
  expect(names.args(['get', 'pod', 'dev', '-n', 'dev'])).toEqual([
    ...['get', 'pod', 'dev', '-n', `${PREFIX}dev`],
  ])
  expect(names.logical(`web in ${PREFIX}dev`)).toBe('web in dev')
  expect(names.made).toEqual(['dev', 'alice', 'alice-two'].map((name) => `${PREFIX}${name}`))
})

test('in the playground all stays as it is', () => {
  const names = new SpaceNames('', null)
  const objects = [space('dev', null), ...shopService({ namespace: 'dev', service: 'web' })]
  expect(objects.map((object) => names.object(object))).toEqual(objects)
  expect(names.inText('alice.s.dev.web')).toBe('alice.s.dev.web')
  expect(names.concerns('anything')).toBe(true)
})
