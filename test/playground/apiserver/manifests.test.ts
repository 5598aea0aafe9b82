import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'
import { matchesConditions } from '../../../playground/apiserver/match-conditions.ts'
import type { ApiObject, JsonObject } from '../../../playground/apiserver/object.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

const FOLDER = join(import.meta.dirname, '../../../deploy/manifests')

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
})

afterAll(() => server.close())

test('the project’s own manifests are taken as they are, without a warning', async () => {
  const files = (await readdir(FOLDER)).sort()
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(join(FOLDER, file), 'utf8'))) {
      const object = document.toJS() as ApiObject
      const { status, body } = await call(server, 'POST', pathOf(object), object)
      expect([file, object.kind, status, body.message]).toEqual([file, object.kind, 201, undefined])
    }
  }
})

function pathOf({ apiVersion, kind, metadata }: ApiObject): string {
  const resource = server.objects.registry.findKind(apiVersion, kind)
  const root = apiVersion === 'v1' ? '/api' : '/apis'
  const place = metadata.namespace ? `/namespaces/${metadata.namespace}` : ''
  return `${root}/${apiVersion}${place}/${resource?.plural}?fieldValidation=Strict`
}

test.each<[string, object, object, boolean]>([
  ['a plain pod', {}, {}, true],
  ['a pod on the host’s network', {}, { hostNetwork: true }, false],
  ['a pod that says it is not', {}, { hostNetwork: false }, true],
  ['a pod that has opted out', { labels: { 'azds.io/no-proxy': 'true' } }, {}, false],
  ['a pod with other labels', { labels: { app: 'web', 'azds.io/no-proxy': 'false' } }, {}, true],
  ['a mirror pod', { annotations: { 'kubernetes.io/config.mirror': 'x' } }, {}, false],
  ['a Windows pod', {}, { os: { name: 'windows' } }, false],
  [
    'a Windows pod by its node selector',
    {},
    { nodeSelector: { 'kubernetes.io/os': 'windows' } },
    false,
  ],
  [
    'a Linux pod',
    {},
    { os: { name: 'linux' }, nodeSelector: { 'kubernetes.io/os': 'linux' } },
    true,
  ],
])('the webhook’s own conditions on %s', async (_, metadata, spec, matches) => {
  const text = await readFile(join(FOLDER, '90-webhook-configuration.yaml'), 'utf8')
  const { webhooks } = parse(text) as { webhooks: { matchConditions: JsonObject[] }[] }
  const conditions = webhooks[0]?.matchConditions ?? []
  expect(conditions.length).toBeGreaterThan(0)
  const object = { metadata, spec: { containers: [], ...spec } } as unknown as ApiObject
  const request = { operation: 'CREATE', resource: { group: '', version: 'v1', resource: 'pods' } }
  expect(matchesConditions(conditions, { object, old: null }, request)).toEqual({ matches })
})
