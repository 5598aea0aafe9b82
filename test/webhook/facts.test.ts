import { expect, test } from '@jest/globals'
import { createFactSource } from '../../webhook/facts.ts'
import { cacheOf, factsOf, fixed, NODES, namespace, node, space, TREE } from './cluster-fixture.ts'

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
  const source = createFactSource(namespaces.cached, cacheOf(NODES).cached, fixed)
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
