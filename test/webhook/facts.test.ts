import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from '@jest/globals'
import type { Service } from '../../core/kube/types.ts'
import { CATCH_UP_MS, createFactSource } from '../../webhook/facts.ts'
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

test('quotas and limits are those of the namespace', async () => {
  const quota = (namespace: string) => ({ metadata: { name: 'q', namespace }, spec: { hard: {} } })
  const range = { metadata: { name: 'r', namespace: 'alice' }, spec: { limits: [] } }
  const copies = copiesOf({ quotas: [quota('alice'), quota('dev')], limitRanges: [range] })
  const source = createFactSource(copies, fixed)
  expect(await source.of('alice')).toMatchObject({ quotas: [quota('alice')], limitRanges: [range] })
  expect(await source.of('dev')).toMatchObject({ quotas: [quota('dev')], limitRanges: [] })
})

test('an upgrade of a node counts for the next pod, and versions are told once each', async () => {
  const nodes = cacheOf([node('a', 'v1.28.9'), node('b', 'v1.34.1'), node('c', 'v1.34.1')])
  const source = createFactSource({ ...copiesOf({}), nodes: nodes.cached }, fixed)
  expect((await source.of('dev'))?.kubeletVersions).toEqual(['v1.28.9', 'v1.34.1'])
  nodes.set(node('a', 'v1.34.1'))
  expect((await source.of('dev'))?.kubeletVersions).toEqual(['v1.34.1'])
  nodes.remove(node('b', 'v1.34.1'))
  nodes.set(node('d', 'v1.35.0'))
  expect((await source.of('dev'))?.kubeletVersions).toEqual(['v1.34.1', 'v1.35.0'])
})

test('a namespace that was heard of while the process stood still is known, though the time is over', async () => {
  const namespaces = cacheOf(TREE)
  const source = createFactSource({ ...copiesOf({}), namespaces: namespaces.cached }, fixed)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const news = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [api] = (await once(server, 'connection')) as [Socket]
  news.once('data', () => namespaces.set(space('new', 'dev')))
  try {
    const asked = source.of('new')
    api.write('it is a space')
    const end = performance.now() + CATCH_UP_MS + 100
    while (performance.now() < end);
    expect((await asked)?.chain.names).toEqual(['new', 'dev'])
  } finally {
    news.destroy()
    server.close()
  }
})

test('who gives up waiting is answered before one who came earlier and waits on', async () => {
  const source = createFactSource(copiesOf({}), fixed)
  const order: string[] = []
  const patient = source.of('nowhere').then(() => order.push('patient'))
  expect(await source.of('nowhere', Promise.resolve())).toBeNull()
  order.push('given up')
  await patient
  expect(order).toEqual(['given up', 'patient'])
})
