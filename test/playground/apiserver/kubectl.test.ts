import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'
import { startControlPlane } from './control-plane.ts'
import { startFakeKubelet } from './fake-kubelet.ts'
import { type Programs, startPrograms } from './programs.ts'

// kubectl itself waits up to 30 s for some things here.
jest.setTimeout(60_000)

let server: ApiServer
let stopKubelet: () => Promise<void>
let programs: Programs
let kubectl: Programs['kubectl']
let tryKubectl: Programs['tryKubectl']

beforeAll(async () => {
  server = await startControlPlane()
  stopKubelet = await startFakeKubelet(server)
  programs = await startPrograms(server)
  ;({ kubectl, tryKubectl } = programs)
})

afterAll(async () => {
  await programs.close()
  await stopKubelet()
  await server.close()
})

const manifest = ({ value = '1', image = 'example/web:1', replicas = 2 } = {}) => `
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: ${replicas}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: ${image}
          env:
            - {name: VALUE, value: "${value}"}
          ports:
            - {name: http, containerPort: 8080}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  selector: {app: web}
  ports:
    - {port: 80, targetPort: http}
`

test('version, discovery and explanations', async () => {
  expect(await kubectl('version')).toMatch(/Server Version: v1\.34/)
  expect(await kubectl('api-resources')).toMatch(/deployments +deploy +apps\/v1 +true +Deployment/)
  expect(await kubectl('api-versions')).toContain('discovery.k8s.io/v1')
  expect(await kubectl('explain deploy.spec.replicas')).toContain('replicas <integer>')
  expect(await kubectl('auth can-i create pods')).toBe('yes\n')
  expect(await kubectl('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(
    'kubernetes-admin',
  )
})

test('apply creates, leaves alone, changes, and waits for the rollout', async () => {
  expect(await kubectl('apply -f -', manifest())).toContain('deployment.apps/web created')
  expect(await kubectl('rollout status -n shop deploy/web --timeout=30s')).toContain(
    'successfully rolled out',
  )
  expect(await kubectl('apply -f -', manifest())).toContain('deployment.apps/web unchanged')
  expect(await kubectl('apply -f -', manifest({ value: '2' }))).toContain('web configured')
  await kubectl('rollout status -n shop deploy/web --timeout=30s')
  const env = 'jsonpath={.items[*].spec.template.spec.containers[0].env[0].value}'
  expect(await kubectl(`get deploy -n shop -o ${env}`)).toBe('2')
  const difference = await tryKubectl('diff -f -', manifest({ value: '3' }))
  expect([difference.code, difference.stdout]).toEqual([
    1,
    expect.stringContaining('+          value: "3"'),
  ])
})

test('tables are as people know them', async () => {
  const deployments = await kubectl('get deploy -n shop -o wide')
  expect(deployments).toMatch(
    /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR/,
  )
  expect(deployments).toMatch(/web +2\/2 +2 +2 +\d+s +web +example\/web:1 +app=web/)
  const pods = await kubectl('get pods -A')
  expect(pods).toMatch(/^NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE/)
  expect(pods).toMatch(/shop +web-\w+-\w{5} +1\/1 +Running +0 +\d+s/)
  expect(await kubectl('get svc -n shop')).toMatch(
    /web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/,
  )
  expect(await kubectl('get ns shop')).toMatch(/shop +Active/)
  expect(await kubectl('get all -n shop')).toContain('replicaset.apps/web-')
  expect(await kubectl('describe svc web -n shop')).toMatch(/Endpoints: +10\.244\.0\.\d+:8080,/)
  expect(await kubectl('describe deploy web -n shop')).toContain('NewReplicaSetAvailable')
})

test('mistakes in a manifest are named, without any flag', async () => {
  const wrongField = await tryKubectl('apply -f -', manifest().replace('image:', 'imgae:'))
  expect(wrongField.stderr).toContain('unknown field "spec.template.spec.containers[0].imgae"')
  const wrongType = await tryKubectl('apply -f -', manifest({ value: '2' }).replace('"2"', '2'))
  expect(wrongType.stderr).toContain('spec.template.spec.containers[0].env[0].value')
  const wrongName = await tryKubectl('create namespace No_good')
  expect(wrongName.stderr).toContain('metadata.name: Invalid value: "No_good"')
})

test('label, annotate, patch, scale and edit fields', async () => {
  await kubectl('label -n shop deploy web team=blue')
  expect(await kubectl("get deploy -A -l 'team in (blue, red)' -o name")).toBe(
    'deployment.apps/web\n',
  )
  await kubectl('label -n shop deploy web team-')
  expect(await kubectl('get deploy -A -l team -o name')).toBe('')
  await kubectl('annotate -n shop deploy web note=hello')
  const strategic =
    '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"MORE","value":"x"}]}]}}}}'
  await kubectl(`patch -n shop deploy web -p '${strategic}'`)
  const names = 'jsonpath={.spec.template.spec.containers[0].env[*].name}'
  expect((await kubectl(`get -n shop deploy web -o ${names}`)).split(' ').sort()).toEqual([
    'MORE',
    'VALUE',
  ])
  const json = '[{"op":"remove","path":"/metadata/annotations/note"}]'
  await kubectl(`patch -n shop deploy web --type=json -p '${json}'`)
  await kubectl('set image -n shop deploy/web web=example/web:2')
  await kubectl('scale -n shop deploy web --replicas=3')
  await kubectl('rollout status -n shop deploy/web --timeout=30s')
  expect(await kubectl('get -n shop deploy web -o jsonpath={.status.readyReplicas}')).toBe('3')
})

test('rollouts are listed, undone and restarted', async () => {
  expect(await kubectl('rollout history -n shop deploy/web')).toMatch(/REVISION/)
  await kubectl('rollout undo -n shop deploy/web')
  await kubectl('rollout status -n shop deploy/web --timeout=30s')
  const image = 'jsonpath={.spec.template.spec.containers[0].image}'
  expect(await kubectl(`get -n shop deploy web -o ${image}`)).toBe('example/web:1')
  await kubectl('rollout restart -n shop deploy/web')
  await kubectl('rollout status -n shop deploy/web --timeout=30s')
})

test('server-side apply owns fields, finds conflicts, and removes what it no longer sets', async () => {
  const config = (data: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: owned, namespace: shop}
data: {${data}}
`
  const apply = 'apply --server-side -f -'
  await kubectl(`${apply} --field-manager=one`, config('a: "1", b: "1"'))
  const taken = await tryKubectl(`${apply} --field-manager=two`, config('a: "2"'))
  expect(taken.stderr).toContain('conflict with "one": .data.a')
  await kubectl(`${apply} --field-manager=two --force-conflicts`, config('a: "2"'))
  await kubectl(`${apply} --field-manager=one`, config('c: "1"'))
  expect(await kubectl('get cm owned -n shop -o jsonpath={.data}')).toBe('{"a":"2","c":"1"}')
})

test('objects made by typed commands come through, protobuf and all', async () => {
  await kubectl('create namespace typed')
  await kubectl('create configmap c --from-literal=a=b -n typed')
  await kubectl('create secret generic s --from-literal=p=q -n typed')
  expect(await kubectl('get secret s -n typed -o jsonpath={.data.p}')).toBe('cQ==')
  await kubectl('create serviceaccount robot -n typed')
  expect(await kubectl('create token robot -n typed')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  await kubectl('create role r --verb=get --resource=pods -n typed')
  await kubectl('create rolebinding r --role=r --serviceaccount=typed:robot -n typed')
  await kubectl('create deployment d --image=example/d:1 --replicas=2 --port=8080 -n typed')
  await kubectl('expose deployment d --port=80 --target-port=8080 -n typed')
  await kubectl('wait --for=condition=Available deploy/d -n typed --timeout=30s')
  await kubectl('create job j --image=example/j:1 -n typed')
  await kubectl('wait --for=condition=complete job/j -n typed --timeout=30s')
})

test('a single pod is run, waited for, read from, watched and deleted', async () => {
  server.setLogProvider(async function* (_, pod, container, { tailLines }) {
    yield `log of ${pod} ${container} ${tailLines}\n`
  })
  await kubectl('run one --image=example/one:1 -n shop')
  await kubectl('wait --for=condition=Ready pod/one -n shop --timeout=30s')
  expect(await kubectl('logs one -n shop --tail=5')).toBe('log of one one 5\n')
  expect(await kubectl('logs deploy/web -n shop')).toContain('web')
  expect(await kubectl('get events -n shop')).toContain('Successfully assigned shop/one to fake')
  expect(await kubectl('events -n shop --for pod/one')).toContain('Scheduled')
  await kubectl('delete pod one -n shop --timeout=30s')
  expect((await tryKubectl('get pod one -n shop')).stderr).toContain('pods "one" not found')
})

test('a watch prints changes as they come', async () => {
  const watching = tryKubectl('get cm -n shop -w --request-timeout=3s -o name')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const path = '/api/v1/namespaces/shop/configmaps'
  await call(server, 'POST', path, { metadata: { name: 'late' } })
  expect((await watching).stdout).toContain('configmap/late\n')
})

test('deletion cascades, to the whole namespace in the end', async () => {
  await kubectl('delete deploy web -n shop --cascade=foreground --timeout=30s')
  expect(await kubectl('get rs -n shop -o name')).toBe('')
  await kubectl('cordon fake')
  expect(await kubectl('get nodes')).toMatch(/fake +Ready,SchedulingDisabled/)
  await kubectl('drain fake --timeout=30s --force --ignore-daemonsets')
  await kubectl('uncordon fake')
  await kubectl('delete ns shop typed --timeout=30s')
  expect(await kubectl('get ns -o name')).not.toMatch(/shop|typed/)
})

test('a List is looked at as a whole by kubectl, and its objects are taken one by one', async () => {
  const config = (name: string, extra: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    ...extra,
  })
  const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const said = await kubectl('apply -f -', list(config('list-1'), config('list-2')))
  expect(said).toBe('configmap/list-1 created\nconfigmap/list-2 created\n')
  const bad = await tryKubectl('apply -f -', list(config('list-3', { dota: {} })))
  expect(bad.stderr).toMatch(/unknown field "dota" in io\.k8s\.api\.V1ConfigMap/)
})
