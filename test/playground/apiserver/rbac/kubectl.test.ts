import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { kubeconfig } from '../../../../playground/apiserver/kubeconfig.ts'
import type { ApiServer } from '../../../../playground/apiserver/server.ts'
import { call, until } from '../api-client.ts'
import { startControlPlane } from '../control-plane.ts'
import { type Programs, startPrograms } from '../programs.ts'

// kubectl is a process of its own each time.
jest.setTimeout(60_000)

let server: ApiServer
let programs: Programs
let kubectl: Programs['kubectl']
let tryKubectl: Programs['tryKubectl']

beforeAll(async () => {
  server = await startControlPlane()
  programs = await startPrograms(server)
  ;({ kubectl, tryKubectl } = programs)
  const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: dev}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: azds-traces, labels: {rbac.authorization.k8s.io/aggregate-to-edit: "true"}}
rules: [{apiGroups: [azds.io], resources: [traces], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: jane, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: jane}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ann, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: owners}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: vic, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: vic}]
`
  await kubectl('apply -f -', objects)
  await until('the aggregated role', async () => {
    const edit = '/apis/rbac.authorization.k8s.io/v1/clusterroles/edit'
    const { body } = await call(server, 'GET', edit)
    return JSON.stringify(body.rules).includes('azds.io')
  })
})

afterAll(async () => {
  await programs.close()
  await server.close()
})

const can = async (question: string) => {
  const { code, stdout } = await tryKubectl(`auth can-i ${question}`)
  return `${code} ${stdout.trim()}`
}

test.each([
  ['0 yes', 'create pods --as=jane -n dev'],
  ['1 no', 'create pods --as=jane -n default'],
  ['0 yes', 'get secrets --as=jane -n dev'],
  ['1 no', 'get secrets --as=vic -n dev'],
  ['0 yes', 'get pods --subresource=log --as=vic -n dev'],
  ['0 yes', 'create rolebindings --as=bob --as-group=owners -n dev'],
  ['1 no', 'create rolebindings --as=jane -n dev'],
  ['0 yes', 'get /version --as=jane'],
  ['1 no', 'get /metrics --as=jane'],
  ['1 no', 'list nodes --as=jane'],
  ['0 yes', '* * --as=root --as-group=system:masters'],
])('%s: auth can-i %s', async (answer, question) => {
  expect(await can(question)).toBe(answer)
})

test('auth can-i --list shows what a user has in a namespace', async () => {
  const said = await kubectl('auth can-i --list --as=vic -n dev')
  expect(said).toMatch(/configmaps +\[\] +\[\] +\[get list watch\]/)
  expect(said).toMatch(/selfsubjectaccessreviews.authorization.k8s.io +\[\] +\[\] +\[create\]/)
  expect(said).toMatch(/\[\/healthz\] +\[\] +\[get\]/)
  expect(said).not.toMatch(/secrets/)
})

test('a refused command says who may not do what where', async () => {
  const { code, stderr } = await tryKubectl('get pods --as=vic -n default')
  expect(code).toBe(1)
  expect(stderr).toContain(
    'Error from server (Forbidden): pods is forbidden: User "vic" cannot list resource "pods" in API group "" in the namespace "default"',
  )
  const deletion = await tryKubectl('delete cm kube-root-ca.crt --as=vic -n dev')
  expect(deletion.stderr).toContain(
    'configmaps "kube-root-ca.crt" is forbidden: User "vic" cannot delete resource "configmaps" in API group "" in the namespace "dev"',
  )
})

test('only who may impersonate speaks for others', async () => {
  const file = join(programs.folder, 'jane')
  const token = server.tokenForUser('jane')
  await writeFile(file, kubeconfig({ server: server.url, caPem: server.caPem, token }))
  const own = await tryKubectl(`--kubeconfig ${file} auth whoami -o jsonpath={.status.userInfo}`)
  expect(JSON.parse(own.stdout)).toEqual({ username: 'jane', groups: ['system:authenticated'] })
  const other = await tryKubectl(`--kubeconfig ${file} get pods --as=ann`)
  expect(other.stderr).toContain(
    'users "ann" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
  )
  // `edit` gives the accounts of the namespace.
  const account = 'system:serviceaccount:dev:default'
  const said = await tryKubectl(`--kubeconfig ${file} auth whoami --as=${account} -o yaml`)
  expect(said.stdout).toContain('system:serviceaccounts:dev')
})

test('a namespace’s admin gives away what she has, and nothing else', async () => {
  const create = (name: string, what: string) =>
    tryKubectl(`create ${what} ${name} --as=ann --as-group=owners -n dev`)
  expect((await create('pods', 'role --verb=get --resource=pods')).code).toBe(0)
  const nodes = await create('nodes', 'role --verb=get --resource=nodes')
  expect(nodes.stderr).toContain(
    'roles.rbac.authorization.k8s.io "nodes" is forbidden: user "ann" (groups=["owners" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
  )
  const binding = 'rolebinding --user=eve --clusterrole'
  expect((await create('view', `${binding}=view`)).code).toBe(0)
  expect((await create('root', `${binding}=cluster-admin`)).code).toBe(1)
})

test('a right to one name lets server-side apply create it, and a POST not', async () => {
  const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: keeper, namespace: dev}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [mine], verbs: [create, get, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: keeper, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: keeper}
subjects: [{kind: ServiceAccount, name: default}]
`
  await kubectl('apply -f -', role)
  const token = server.tokenFor('dev', 'default')
  const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } })
  const path = '/api/v1/namespaces/dev/secrets'
  const type = 'application/apply-patch+yaml'
  const apply = (name: string) =>
    call(server, 'PATCH', `${path}/${name}?fieldManager=test`, secret(name), { token, type })
  expect((await call(server, 'POST', path, secret('mine'), { token })).status).toBe(403)
  expect((await apply('mine')).status).toBe(201)
  expect((await apply('mine')).status).toBe(200)
  expect((await apply('other')).status).toBe(403)
})

test('a right to patch one name does not create it', async () => {
  const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: patcher, namespace: dev}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [mine], verbs: [get, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: patcher, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: patcher}
subjects: [{kind: User, name: pat}]
`
  await kubectl('apply -f -', role)
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } }
  const path = '/api/v1/namespaces/dev/configmaps/mine?fieldManager=test'
  const token = server.tokenForUser('pat')
  const { status, body } = await call(server, 'PATCH', path, config, {
    token,
    type: 'application/apply-patch+yaml',
  })
  expect([status, body.message]).toEqual([
    403,
    'configmaps "mine" is forbidden: User "pat" cannot create resource "configmaps" in API group "" in the namespace "dev"',
  ])
})
