import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { timestamp } from '../../../playground/apiserver/object.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

const AUTHENTICATION = '/apis/authentication.k8s.io/v1'
const AUTHORIZATION = '/apis/authorization.k8s.io/v1'
const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'
const PODS = '/api/v1/namespaces/default/pods'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'

let server: ApiServer
// Whole seconds, as the API writes them.
const START = Math.floor(Date.now() / 1000) * 1000
let now = new Date(START)
const later = (seconds: number) => new Date(START + seconds * 1000)

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0, now: () => now })
  for (const name of ['default', 'robot']) {
    await call(server, 'POST', ACCOUNTS, { metadata: { name } })
  }
  await call(server, 'POST', `${RBAC}/namespaces/default/rolebindings`, {
    metadata: { name: 'robot' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name: 'robot' }],
  })
})

afterAll(() => server.close())

const makePod = async (name: string): Promise<string> => {
  const spec = { serviceAccountName: 'robot', containers: [{ name: 'app', image: 'a' }] }
  const { body } = await call(server, 'POST', PODS, { metadata: { name }, spec })
  return body.metadata.uid
}
const request = (spec: object, account = 'robot') =>
  call(server, 'POST', `${ACCOUNTS}/${account}/token`, { spec })
const review = async (token: string, audiences?: string[]) => {
  const spec = { token, ...(audiences && { audiences }) }
  return (await call(server, 'POST', `${AUTHENTICATION}/tokenreviews`, { spec })).body.status
}

test('a token for an audience is good for that one alone', async () => {
  const uid = await makePod('one')
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'one', uid }
  const audiences = ['controller.azds.io']
  const { status, body } = await request({ audiences, expirationSeconds: 600, boundObjectRef })
  expect(status).toBe(201)
  expect(body.status.expirationTimestamp).toBe(timestamp(later(600)))
  const { token } = body.status
  expect(await review(token, ['controller.azds.io', 'other'])).toMatchObject({
    authenticated: true,
    audiences,
    user: {
      username: 'system:serviceaccount:default:robot',
      uid: expect.any(String),
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/pod-name': ['one'],
        'authentication.kubernetes.io/pod-uid': [uid],
      },
    },
  })
  for (const others of [undefined, ['other']]) {
    const refused = await review(token, others)
    expect(refused.authenticated).toBeUndefined()
    expect(refused.error).toContain('token audiences ["controller.azds.io"] is invalid')
  }
  expect((await call(server, 'GET', PODS, undefined, { token })).status).toBe(401)
})

test('a token ends with its time, its pod and its account', async () => {
  const uid = await makePod('two')
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'two', uid }
  const { token } = (await request({ boundObjectRef })).body.status
  const use = async () => (await call(server, 'GET', PODS, undefined, { token })).status
  expect(await use()).toBe(200)
  now = later(3601)
  expect(await use()).toBe(401)
  now = later(1800)
  expect(await use()).toBe(200)
  await call(server, 'DELETE', `${PODS}/two?gracePeriodSeconds=0`)
  expect(await use()).toBe(401)
  await makePod('two')
  expect(await use()).toBe(401)

  await call(server, 'POST', ACCOUNTS, { metadata: { name: 'short' } })
  const short = (await request({}, 'short')).body.status.token
  expect((await review(short)).authenticated).toBe(true)
  await call(server, 'DELETE', `${ACCOUNTS}/short`)
  expect((await review(short)).error).toContain('serviceaccounts "short" not found')
})

test.each<[string, object, number, string]>([
  ['that lasts too short', { expirationSeconds: 60 }, 422, 'less than 10 minutes'],
  [
    'for a pod that is not there',
    { boundObjectRef: { kind: 'Pod', name: 'none' } },
    404,
    'pods "none" not found',
  ],
  [
    'for a pod of another uid',
    { boundObjectRef: { kind: 'Pod', name: 'one', uid: 'x' } },
    409,
    'does not match the UID in record',
  ],
  [
    'bound to something else',
    { boundObjectRef: { kind: 'ConfigMap', name: 'one' } },
    400,
    'cannot bind token to object of kind "ConfigMap"',
  ],
])('a token %s is refused', async (_, spec, status, message) => {
  const answer = await request(spec)
  expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)])
})

test('a token cannot be bound to a pod of another account', async () => {
  const answer = await request({ boundObjectRef: { kind: 'Pod', name: 'one' } }, 'default')
  expect(answer.body.message).toContain('pod running with different serviceaccount name')
})

test('a review of nonsense says no', async () => {
  expect(await review('nonsense')).toEqual({ user: {}, error: 'invalid bearer token' })
})

test('a SubjectAccessReview answers for anybody, with the binding that allows it', async () => {
  const ask = async (spec: object) =>
    (await call(server, 'POST', `${AUTHORIZATION}/subjectaccessreviews`, { spec })).body.status
  const resourceAttributes = { namespace: 'default', verb: 'list', resource: 'pods' }
  const user = 'system:serviceaccount:default:robot'
  expect(await ask({ user, resourceAttributes })).toEqual({
    allowed: true,
    reason:
      'RBAC: allowed by RoleBinding "robot/default" of ClusterRole "view" to ServiceAccount "robot"',
  })
  expect(
    await ask({ user, resourceAttributes: { ...resourceAttributes, resource: 'secrets' } }),
  ).toEqual({ allowed: false })
  expect(await ask({ user, groups: ['system:masters'], resourceAttributes })).toEqual({
    allowed: true,
  })
  const nonResourceAttributes = { path: '/apis', verb: 'get' }
  expect(
    await ask({ user, groups: ['system:authenticated'], nonResourceAttributes }),
  ).toMatchObject({ allowed: true })
})

test('a LocalSubjectAccessReview is about its own namespace', async () => {
  const path = `${AUTHORIZATION}/namespaces/default/localsubjectaccessreviews`
  const ask = (namespace: string) =>
    call(server, 'POST', path, {
      spec: { user: 'jane', resourceAttributes: { namespace, verb: 'get', resource: 'pods' } },
    })
  expect((await ask('default')).body.status).toEqual({ allowed: false })
  expect((await ask('other')).status).toBe(400)
})

test('only who may delegate asks about others', async () => {
  const token = server.tokenForUser('jane')
  const path = `${AUTHENTICATION}/tokenreviews`
  const answer = await call(server, 'POST', path, { spec: { token: 'x' } }, { token })
  expect(answer.body.message).toBe(
    'tokenreviews.authentication.k8s.io is forbidden: User "jane" cannot create resource "tokenreviews" in API group "authentication.k8s.io" at the cluster scope',
  )
  const self = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } }
  const own = await call(server, 'POST', `${AUTHORIZATION}/selfsubjectaccessreviews`, self, {
    token,
  })
  expect(own.body.status).toEqual({ allowed: false })
})

test('with rights off whoever has a token may do everything, and nobody else anything', async () => {
  const open = await startApiServer({ host: '127.0.0.1', port: 0, rights: 'off' })
  try {
    const token = open.tokenForUser('jane')
    expect((await call(open, 'GET', '/api/v1/secrets', undefined, { token })).status).toBe(200)
    expect((await call(open, 'GET', '/api/v1/secrets', undefined, { token: '' })).status).toBe(401)
    expect((await call(open, 'GET', '/healthz', undefined, { token: '' })).status).toBe(200)
  } finally {
    await open.close()
  }
})
