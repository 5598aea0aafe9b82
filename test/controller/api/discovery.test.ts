/** Discovery in every form that API servers ask for, and what a request is in the words of rights. */
import { expect, test } from '@jest/globals'
import { discoveryOf } from '../../../controller/api/discovery.ts'
import { frontProxyOf, proxiedUser } from '../../../controller/api/front-proxy.ts'
import { apiRequestOf, describeDenial } from '../../../controller/api/request.ts'

const accept = (version: string) =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`

test.each([
  [`${accept('v2')},${accept('v2beta1')},application/json`, 'apidiscovery.k8s.io/v2'],
  [`${accept('v2beta1')},application/json`, 'apidiscovery.k8s.io/v2beta1'],
  [`${accept('v3')},${accept('v2')},application/json`, 'apidiscovery.k8s.io/v2'],
])('all in one answer: %s', (header, apiVersion) => {
  const document = discoveryOf('/apis', header)
  expect(document?.contentType).toContain('as=APIGroupDiscoveryList')
  expect(document?.body).toMatchObject({
    kind: 'APIGroupDiscoveryList',
    apiVersion,
    items: [
      {
        metadata: { name: 'azds.io' },
        versions: [
          {
            version: 'v1',
            freshness: 'Current',
            resources: [
              { resource: 'traces', scope: 'Namespaced', verbs: ['get', 'list', 'watch'] },
              { resource: 'sidecars', scope: 'Namespaced' },
              { resource: 'spaces', scope: 'Cluster' },
            ],
          },
        ],
      },
    ],
  })
})

test.each([
  ['/apis', 'application/json', 'APIGroupList'],
  ['/apis', undefined, 'APIGroupList'],
  ['/apis', '*/*', 'APIGroupList'],
  ['/apis/', 'application/json', 'APIGroupList'],
  ['/apis/azds.io', 'application/json', 'APIGroup'],
  ['/apis/azds.io/v1', 'application/json', 'APIResourceList'],
  ['/api', accept('v2'), 'APIVersions'],
])('%s for %s is a %s', (path, header, kind) => {
  const document = discoveryOf(path, header)
  expect(document).toMatchObject({ contentType: 'application/json', body: { kind } })
})

test('schemas are there in both versions, and the index leads to them', () => {
  expect(discoveryOf('/openapi/v2')?.body).toMatchObject({ swagger: '2.0', paths: {} })
  const index = discoveryOf('/openapi/v3')?.body as
    | { paths: Record<string, { serverRelativeURL: string }> }
    | undefined
  const url = index?.paths['apis/azds.io/v1']?.serverRelativeURL ?? ''
  expect(discoveryOf(url.split('?')[0] ?? '')?.body).toMatchObject({
    openapi: '3.0.0',
    components: { schemas: { 'io.azds.v1.Trace': { type: 'object' } } },
  })
})

test.each(['/', '/apis/azds.io/v2', '/version', '/constructor', '/__proto__'])(
  'nothing is told at %s',
  (path) => {
    expect(discoveryOf(path)).toBeNull()
  },
)

const TRACES = '/apis/azds.io/v1/namespaces/alice/traces'

test.each([
  ['GET', TRACES, { verb: 'list', resource: 'traces', namespace: 'alice' }],
  ['GET', `${TRACES}?watch=1`, { verb: 'watch', resource: 'traces', namespace: 'alice' }],
  ['GET', `${TRACES}/a`, { verb: 'get', resource: 'traces', namespace: 'alice', name: 'a' }],
  [
    'GET',
    `${TRACES}/a?watch=1`,
    { verb: 'get', resource: 'traces', namespace: 'alice', name: 'a' },
  ],
  [
    'GET',
    `${TRACES}?fieldSelector=metadata.name%3Da`,
    { verb: 'list', resource: 'traces', namespace: 'alice', name: 'a' },
  ],
  ['GET', '/apis/azds.io/v1/traces', { verb: 'list', resource: 'traces' }],
  ['GET', '/apis/azds.io/v1/spaces/alice', { verb: 'get', resource: 'spaces', name: 'alice' }],
  ['GET', '/apis/azds.io/v1/namespaces', { verb: 'list', resource: 'namespaces' }],
  ['POST', TRACES, { verb: 'create', resource: 'traces', namespace: 'alice' }],
  ['DELETE', TRACES, { verb: 'deletecollection', resource: 'traces', namespace: 'alice' }],
  ['PATCH', `${TRACES}/a`, { verb: 'patch', resource: 'traces', namespace: 'alice', name: 'a' }],
])('%s %s asks for the right to %j', (method, url, attributes) => {
  expect(apiRequestOf(method, url)).toMatchObject({ kind: 'resource' })
  expect(apiRequestOf(method, url)).toHaveProperty('attributes', {
    group: 'azds.io',
    version: 'v1',
    ...attributes,
  })
})

test.each(['/apis/azds.io/v1', '/apis/azds.io/v1/', '/healthz', `${TRACES}/a/log`, `${TRACES}/`])(
  '%s asks for no object',
  (url) => {
    expect(apiRequestOf('GET', url)).toMatchObject({ kind: 'path' })
  },
)

test.each([
  '/apis//azds.io/v1/traces',
  '/apis/azds.io/v1/namespaces/../traces',
  '/apis/azds.io/v1/./traces',
  '/apis/azds.io/v1/namespaces/a%2fb/traces',
  '//apis',
  'apis',
])('%s is refused, because it could be read in two ways', (url) => {
  expect(() => apiRequestOf('GET', url)).toThrow(/escapes, dots or empty parts/)
})

test('a refusal says who may not do what and where', () => {
  const base = { group: 'azds.io', version: 'v1', resource: 'spaces', verb: 'list' } as const
  expect(describeDenial('jane', base)).toBe(
    'spaces.azds.io is forbidden: User "jane" cannot list resource "spaces" in API group "azds.io" at the cluster scope',
  )
})

test('a ConfigMap that tells of no front proxy makes nobody believed', () => {
  const headers = { 'requestheader-username-headers': '["X-Remote-User"]' }
  for (const data of [
    {},
    headers,
    { ...headers, 'requestheader-client-ca-file': 'junk' },
    {
      ...headers,
      'requestheader-client-ca-file': '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----',
    },
  ]) {
    expect(frontProxyOf({ metadata: {}, data })).toBeNull()
  }
})

test('headers count by the names that the ConfigMap has, in order, and only where they say something', () => {
  const proxy = {
    authorities: [],
    allowedNames: [],
    usernameHeaders: ['x-user', 'x-remote-user'],
    groupHeaders: ['x-group'],
    uidHeaders: [],
    extraPrefixes: ['x-extra-'],
  }
  expect(proxiedUser({ 'x-user': [''], 'x-remote-user': ['a', 'b'] }, proxy)).toEqual({
    username: 'a',
    groups: [],
    extra: {},
  })
  expect(proxiedUser({ 'x-remote-group': ['x'] }, proxy)).toBeNull()
  expect(
    proxiedUser({ 'x-user': ['u'], 'x-group': ['g', 'h'], 'x-extra-a%zz': ['1', '2'] }, proxy),
  ).toEqual({ username: 'u', groups: ['g', 'h'], extra: { 'a%zz': ['1', '2'] } })
})
