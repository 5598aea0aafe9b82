import { expect, test } from '@jest/globals'
import type { Service } from '../../core/kube/types.ts'
import { createFactSource } from '../../webhook/facts.ts'
import { keptOfService } from '../../webhook/services.ts'
import {
  cacheOf,
  copiesOf,
  factsOf,
  fixed,
  NODES,
  namespace,
  node,
  space,
  TREE,
} from './cluster-fixture.ts'

test('a chain of any depth is followed to its root', async () => {
  expect((await factsOf('alice-web')).chain).toEqual({
    names: ['alice-web', 'alice', 'dev'],
    problem: null,
  })
})

test('labels and annotations are those of the namespace', async () => {
  const team = namespace('team', { 'azds.io/space': 'true' }, { note: 'x' })
  expect((await factsOf('team', [team])).namespace).toEqual({
    name: 'team',
    labels: { 'azds.io/space': 'true' },
    annotations: { note: 'x' },
  })
})

test('a parent that changes is followed from the next pod on', async () => {
  const namespaces = cacheOf(TREE)
  const source = createFactSource({ ...copiesOf({}), namespaces: namespaces.cached }, fixed)
  namespaces.set(space('alice', 'staging'))
  namespaces.set(space('staging'))
  expect((await source.of('alice'))?.chain.names).toEqual(['alice', 'staging'])
  namespaces.set(namespace('staging'))
  expect((await source.of('alice'))?.chain).toEqual({
    names: ['alice'],
    problem: { code: 'parent-missing', space: 'alice', parent: 'staging' },
  })
})

test('nodes that never run an injected pod have no say in the layout', async () => {
  const windows = node('windows', 'v1.25.0')
  windows.status = { nodeInfo: { kubeletVersion: 'v1.25.0', operatingSystem: 'windows' } }
  const virtual = node('virtual', 'v1.19.10-vk-azure-aci-1.6.2')
  virtual.metadata.labels = { type: 'virtual-kubelet' }
  const facts = await factsOf('dev', TREE, [...NODES, windows, virtual])
  expect(facts.kubeletVersions).toEqual(['v1.34.1'])
})

test('a node that has not reported counts with an unknown version', async () => {
  const facts = await factsOf('dev', TREE, [{ metadata: { name: 'new' } }, ...NODES])
  expect(facts.kubeletVersions).toEqual(['', 'v1.34.1'])
})

const service = (name: string, namespace: string, appProtocol = 'tcp'): Service => ({
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ port: 80, appProtocol }] },
})

test('Services are those of the namespace, as they are now', async () => {
  const services = cacheOf([service('web', 'dev'), service('web', 'alice'), service('db', 'alice')])
  const source = createFactSource({ ...copiesOf({}), services: services.cached }, fixed)
  const known = async (name: string) =>
    (await source.of(name))?.services.map(({ metadata, spec }) => [
      metadata.name,
      spec.ports?.[0]?.appProtocol,
    ])
  expect(await known('alice')).toEqual([
    ['web', 'tcp'],
    ['db', 'tcp'],
  ])
  services.set(service('web', 'alice', 'http'))
  services.remove(service('db', 'alice'))
  expect(await known('alice')).toEqual([['web', 'http']])
  services.remove(service('web', 'alice'))
  expect(await known('alice')).toEqual([])
  expect(await known('dev')).toEqual([['web', 'tcp']])
})

test('of a Service no more is kept than the injection reads', () => {
  const { metadata, spec } = service('web', 'dev')
  const whole: Service = {
    metadata: { ...metadata, resourceVersion: '7', uid: 'u', annotations: { long: 'text' } },
    spec: { ...spec, type: 'ClusterIP', clusterIP: '10.96.0.1' },
  }
  expect(keptOfService(whole)).toEqual({
    metadata: { name: 'web', namespace: 'dev', resourceVersion: '7' },
    spec: { ...spec, type: 'ClusterIP' },
  })
})
