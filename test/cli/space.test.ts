/** `azds space list|create|remove` against an API server that keeps namespaces. */
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { faultOfName } from '../../cli/spaces.ts'
import { answerJson } from '../core/kube/api-fixture.ts'
import { azds, namespaceApi, type Parents } from './world-fixture.ts'

let api: Awaited<ReturnType<typeof namespaceApi>> | null = null

afterEach(async () => {
  await api?.close()
  api = null
})

const TREE: Parents = {
  default: undefined,
  dev: null,
  alice: 'dev',
  feature: 'alice',
  'kube-system': undefined,
  azds: undefined,
}

/** Requests that change something. */
const writes = () => api?.requests.filter((request) => !request.startsWith('GET')) ?? []

test('the list has every namespace but the cluster’s own, with path and selection', async () => {
  api = await namespaceApi(TREE)
  expect(await azds('space list', api)).toEqual({
    code: 0,
    err: '',
    out: [
      '   Name               DevSpacesEnabled',
      '-  -----------------  ----------------',
      '   default            False',
      '   dev                True',
      '*  dev/alice          True',
      '   dev/alice/feature  True',
      '',
    ].join('\n'),
  })
})

test('the list as JSON has the same for programs', async () => {
  api = await namespaceApi({ dev: null, alice: 'dev' })
  const { out } = await azds('space list -o json', api)
  expect(JSON.parse(out)).toEqual([
    { name: 'dev', path: 'dev', parent: null, enabled: true, selected: false, problem: null },
    {
      name: 'alice',
      path: 'dev/alice',
      parent: 'dev',
      enabled: true,
      selected: true,
      problem: null,
    },
  ])
})

test('faulty parents are shown with what to do', async () => {
  api = await namespaceApi({ lost: 'gone', ring1: 'ring2', ring2: 'ring1' })
  const { code, out, err } = await azds('space list', api)
  expect(code).toBe(0)
  expect(out.match(/broken/g)).toHaveLength(3)
  expect(err).toMatch(/"lost" names the parent "gone".*: label that namespace/)
  expect(err).toMatch(/ring1 -> ring2 are each other's ancestors/)
})

test.each([
  ['dev', 'has to have'],
  ['ab', '3 to 63'],
  ['a'.repeat(64), '3 to 63'],
  ['Alice', 'lower-case'],
  ['a_b', 'lower-case'],
  ['ali.ce', 'lower-case'],
  ['-alice', 'start and end'],
  ['alice-', 'start and end'],
  ['123', 'one letter'],
  ['1-3', 'one letter'],
])('the name %j is checked: %s', (name, rule) => {
  if (name === 'dev') expect(faultOfName(name)).toBeNull()
  else expect(faultOfName(name)).toContain(rule)
})

test.each([
  ['root', 'root', { 'azds.io/space': 'true' }],
  ['dev/bob', 'bob', { 'azds.io/space': 'true', 'azds.io/parent-space': 'dev' }],
  ['-n dev/bob', 'bob', { 'azds.io/space': 'true', 'azds.io/parent-space': 'dev' }],
  [
    'dev/alice/feature/deep',
    'deep',
    { 'azds.io/space': 'true', 'azds.io/parent-space': 'feature' },
  ],
  ['feature/deep', 'deep', { 'azds.io/space': 'true', 'azds.io/parent-space': 'feature' }],
])('create %s makes the namespace %s with its labels', async (args, name, labels) => {
  api = await namespaceApi(TREE)
  const { code, out } = await azds(`space create ${args}`, api)
  expect(code).toBe(0)
  expect(out).toMatch(/^space .* is ready\n$/)
  expect(api.labels(name)).toEqual(labels)
})

test('create labels a namespace that exists, and tells that its pods have no sidecar yet', async () => {
  const pod = (name: string) => ({
    metadata: {
      name,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db' }],
    },
    spec: { containers: [] },
  })
  api = await namespaceApi(TREE, (_, response, url) => {
    if (url.pathname !== '/api/v1/namespaces/default/pods') return false
    answerJson(response, 200, { items: [pod('db-0'), pod('db-1')], metadata: {} })
    return true
  })
  const { code, err } = await azds('space create dev/default', api)
  expect(code).toBe(0)
  expect(api.labels('default')).toEqual({
    'azds.io/space': 'true',
    'azds.io/parent-space': 'dev',
  })
  expect(err).toContain(
    'azds space heal default restarts them:\n  default: StatefulSet db (2 pods)\n',
  )
  expect(writes()).toEqual(['PATCH /api/v1/namespaces/default'])
})

test('create of a namespace whose pods one may not see says what to do all the same', async () => {
  api = await namespaceApi(TREE, (_, response, url) => {
    if (!url.pathname.endsWith('/pods')) return false
    answerJson(response, 403, { reason: 'Forbidden', message: 'no' })
    return true
  })
  const { err } = await azds('space create default', api)
  expect(err).toBe('Pods that run already have no sidecar yet: azds space heal default\n')
})

test('a namespace that is marked as the control plane’s is no space, whatever its name', async () => {
  api = await namespaceApi({ ...TREE, elsewhere: undefined })
  Object.assign(api.labels('elsewhere') ?? {}, { 'app.kubernetes.io/part-of': 'azds' })
  for (const line of ['space create elsewhere', 'space remove elsewhere -y']) {
    const { code, err } = await azds(line, api)
    expect(err).toContain('namespace "elsewhere" belongs to the control plane of spaces')
    expect(code).toBe(1)
  }
})

test.each(['alice', 'dev/alice'])('create %s a second time changes nothing', async (path) => {
  api = await namespaceApi(TREE)
  const { code, out } = await azds(`space create ${path}`, api)
  expect(out).toBe('space alice exists already; nothing was changed\n')
  expect(code).toBe(0)
  expect(writes()).toEqual([])
})

test.each([
  ['a bad name', 'Bob', 64, 'space name "Bob" may have lower-case letters'],
  ['an empty parent', '/bob', 64, 'has an empty name before a "/"'],
  ['two names', 'bob -n eve', 64, 'two names were given'],
  ['no name', '', 64, 'needs [PARENT/]NAME'],
  ['a parent that is not there', 'qa/bob', 1, 'space "qa" does not exist; there are: alice, dev'],
  ['a parent that is no space', 'default/bob', 1, 'make it one with `azds space create default`'],
  ['a path that is wrong', 'feature/alice/bob', 1, 'space "alice" is dev/alice, not feature/alice'],
  ['itself as parent', 'bob/bob', 1, '"bob" cannot be the parent of "bob"'],
  ['a child as parent', 'alice/dev', 1, "are each other's ancestors"],
  ['another parent', 'dev/feature', 1, 'exists with the parent "alice": to move it'],
  ['the control plane', 'azds', 1, 'belongs to the control plane'],
  ['the cluster', 'dev/kube-system', 1, 'belongs to the cluster itself'],
  ['the cluster as parent', 'kube-system/bob', 1, 'belongs to the cluster itself'],
])('create refuses %s', async (_, args, code, message) => {
  api = await namespaceApi(TREE)
  const ran = await azds(`space create ${args}`, api)
  expect(ran.err).toContain(message)
  expect(ran.code).toBe(code)
  expect(writes()).toEqual([])
})

test('create refuses a parent whose own parents are broken', async () => {
  api = await namespaceApi({ lost: 'gone' })
  const { code, err } = await azds('space create lost/bob', api)
  expect(err).toContain('"lost" names the parent "gone"')
  expect(code).toBe(1)
})

test('create that is forbidden says which right is missing', async () => {
  api = await namespaceApi(TREE, (request, response) => {
    if (request.method !== 'POST') return false
    answerJson(response, 403, { reason: 'Forbidden', message: 'no way' })
    return true
  })
  const { code, err } = await azds('space create bob', api)
  expect(err).toMatch(/you may not create namespace "bob": .*no way; ask the cluster’s admin/)
  expect(code).toBe(1)
})

test('remove -y deletes the namespace', async () => {
  api = await namespaceApi(TREE)
  const { code, out } = await azds('space remove dev/alice/feature -y', api)
  expect(out).toBe('feature is being deleted\n')
  expect(code).toBe(0)
  expect(api.labels('feature')).toBeNull()
})

test('remove --no-delete only takes the labels away, without asking', async () => {
  api = await namespaceApi(TREE)
  const { code, out } = await azds('space remove -n feature --no-delete', api)
  expect(out).toBe('feature is no space any more\n')
  expect(code).toBe(0)
  expect(api.labels('feature')).toEqual({})
})

const withDeployments = (_: unknown, response: ServerResponse, url: URL) => {
  if (!url.pathname.endsWith('/feature/deployments')) return false
  answerJson(response, 200, { items: [{}, {}] })
  return true
}

test.each([
  ['y', 0, null],
  ['Yes', 0, null],
  ['n', 1, {}],
  ['', 1, {}],
  ['yesterday', 1, {}],
])('remove says what goes and asks; the answer %j gives %d', async (answer, code, left) => {
  api = await namespaceApi(TREE, withDeployments)
  const ran = await azds('space remove feature', api, { ask: async () => answer })
  expect(ran.err).toContain('namespace feature will be deleted with 2 Deployments')
  expect(ran.code).toBe(code)
  expect(api.labels('feature') === null).toBe(left === null)
})

test('remove names what it may not look into before it asks', async () => {
  api = await namespaceApi(TREE, (_, response, url) => {
    if (!url.pathname.endsWith('/pods')) return false
    answerJson(response, 403, { reason: 'Forbidden', message: 'no' })
    return true
  })
  const { err } = await azds('space remove feature', api, { ask: async () => 'n' })
  expect(err).toContain('will be deleted with Pods that you may not list')
})

test('remove without a terminal and without -y does nothing', async () => {
  api = await namespaceApi(TREE)
  const { code, err } = await azds('space remove feature', api)
  expect(err).toContain('there is no terminal to ask on: pass -y')
  expect(code).toBe(64)
  expect(writes()).toEqual([])
})

test.each([
  ['a space with children', 'alice -y', 1, 'has children (feature)'],
  ['children also without deleting', 'alice --no-delete', 1, 'has children (feature)'],
  ['what is not there', 'bob -y', 1, 'space "bob" does not exist'],
  ['what is no space', 'default -y', 1, 'exists but is not a space'],
  ['a wrong path', 'dev/feature -y', 1, 'is dev/alice/feature, not dev/feature'],
  ['the control plane', 'azds -y', 1, 'belongs to the control plane'],
  ['no name', '-y', 64, 'needs NAME'],
  ['two names', 'feature -n alice -y', 64, 'two names were given'],
])('remove refuses %s', async (_, args, code, message) => {
  api = await namespaceApi(TREE)
  const ran = await azds(`space remove ${args}`, api)
  expect(ran.err).toContain(message)
  expect(ran.code).toBe(code)
  expect(writes()).toEqual([])
})

test('remove --recursive removes children before their parents', async () => {
  api = await namespaceApi(TREE)
  await azds('space remove dev --recursive -y', api)
  expect(writes()).toEqual(
    ['feature', 'alice', 'dev'].map((name) => `DELETE /api/v1/namespaces/${name}`),
  )
})

test('remove never deletes the namespace default, but takes its labels away', async () => {
  api = await namespaceApi({ default: null })
  const refused = await azds('space remove default -y', api)
  expect(refused.err).toContain('"default" cannot be deleted: pass --no-delete')
  expect(refused.code).toBe(1)
  expect((await azds('space remove default --no-delete', api)).code).toBe(0)
  expect(api.labels('default')).toEqual({})
})

test('remove ends on a cycle too', async () => {
  api = await namespaceApi({ ring1: 'ring2', ring2: 'ring1' })
  const { code } = await azds('space remove ring1 --recursive -y', api)
  expect(code).toBe(0)
  expect(writes()).toHaveLength(2)
})
