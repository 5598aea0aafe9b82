import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { kubernetesTools } from '../../playground/kubectl.ts'
import { describeCluster } from './requirements.ts'
import { eventually, isReady, startTestCluster, type TestCluster } from './test-cluster.ts'

// Pods take seconds on a machine that does much else.
jest.setTimeout(180_000)

const DIR = '/var/run/secrets/kubernetes.io/serviceaccount'
// As process 1 a shell ignores SIGTERM unless it says what to do.
const SLEEP = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done']

let on: TestCluster

const shell = (name: string, extra: object = {}) => ({
  name,
  image: 'playground/shell',
  command: SLEEP,
  ...extra,
})

/** The volume with which a sidecar proves who it is, as it is injected. */
const IDENTITY = {
  name: 'identity',
  projected: {
    defaultMode: 0o644,
    sources: [
      {
        serviceAccountToken: {
          audience: 'controller.azds.io',
          expirationSeconds: 3600,
          path: 'token',
        },
      },
      {
        configMap: { name: 'later', optional: true, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
      },
    ],
  },
}

describeCluster('running pods', () => {
  beforeAll(async () => {
    on = await startTestCluster()
  })
  afterAll(() => on.cluster.stop())

  test('a container with its own token where the API’s would be has no rights in the API', async () => {
    const mount = [{ name: 'identity', mountPath: DIR, readOnly: true }]
    await on.createPod('two', {
      containers: [
        shell('sidecar', { securityContext: { runAsUser: 1337 }, volumeMounts: mount }),
        shell('app', { securityContext: { runAsUser: 1000 } }),
      ],
      volumes: [IDENTITY],
    })
    await on.podWhen('two', isReady)
    const ls = await on.inPod('two', 'sidecar', ['ls', DIR])
    expect(ls.trim()).toBe('token')
    const token = (await on.inPod('two', 'sidecar', ['cat', `${DIR}/token`])).trim()
    const review = await on.client.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token, audiences: ['controller.azds.io'] },
    })
    expect(review).toMatchObject({
      status: {
        authenticated: true,
        audiences: ['controller.azds.io'],
        user: {
          username: 'system:serviceaccount:default:default',
          extra: { 'authentication.kubernetes.io/pod-name': ['two'] },
        },
      },
    })
    const elsewhere = await on.client.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token },
    })
    expect(elsewhere).not.toHaveProperty('status.authenticated')
    const app = (await on.inPod('two', 'app', ['cat', `${DIR}/token`])).trim()
    const plain = await on.client.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token: app },
    })
    expect(plain).toMatchObject({ status: { authenticated: true } })
  })

  test('an optional ConfigMap that appears later is seen in the running pod, and so is its change', async () => {
    const configMaps = '/api/v1/namespaces/default/configmaps'
    const seen = () => on.inPod('two', 'sidecar', ['cat', `${DIR}/ca.crt`])
    await on.client.create(configMaps, { metadata: { name: 'later' }, data: { 'ca.crt': 'one' } })
    await eventually('one', seen)
    await on.client.patch(`${configMaps}/later`, 'application/merge-patch+json', {
      data: { 'ca.crt': 'two' },
    })
    await eventually('two', seen)
  })

  test('only its group reads the token of a pod that has one', async () => {
    const mounts = (runAsUser: number, runAsGroup: number) => ({
      securityContext: { runAsUser, runAsGroup },
      volumeMounts: [{ name: 'identity', mountPath: DIR, readOnly: true }],
    })
    await on.createPod('grouped', {
      securityContext: { fsGroup: 2000 },
      containers: [shell('one', mounts(1337, 1337)), shell('two', mounts(1000, 1000))],
      volumes: [IDENTITY],
    })
    await on.podWhen('grouped', isReady)
    const state = ['stat', '-L', '-c', '%a %u %g', `${DIR}/token`]
    expect((await on.inPod('grouped', 'one', state)).trim()).toBe('640 0 2000')
    expect(await on.inPod('grouped', 'two', ['cat', `${DIR}/token`])).toMatch(/^ey/)
  })

  test('kubectl exec runs a command as the container’s user, with input, output and exit code', async () => {
    const who = await on.kubectl(['exec', 'two', '-c', 'sidecar', '--', 'id', '-u'])
    expect(who).toBe('1337\n')
    const echoed = await on.kubectl(
      ['exec', '-i', 'two', '-c', 'app', '--', 'tr', 'a-z', 'A-Z'],
      'up',
    )
    expect(echoed).toBe('UP')
    const failed = on.kubectl(['exec', 'two', '-c', 'app', '--', 'sh', '-c', 'echo no >&2; exit 3'])
    await expect(failed).rejects.toThrow(/exited with 3: no/)
    const long = await on.kubectl(['exec', 'two', '-c', 'app', '--', 'seq', '1', '200000'])
    expect(long.split('\n').at(-2)).toBe('200000')
  })

  test('kubectl port-forward leads to what listens on the pod’s own loopback', async () => {
    const serve = `require('node:http').createServer((_, r) => r.end('hello')).listen(8080, '127.0.0.1', () => console.log('up'))`
    const image = 'playground/shell'
    const containers = [{ name: 'app', image, command: ['node', '-e', serve] }]
    await on.createPod('inward', { containers })
    await on.podWhen('inward', isReady)
    // A connection that the pod refuses is the end of kubectl port-forward.
    await eventually('up\n', () => on.log('inward', 'app'))
    const { kubectl } = await kubernetesTools()
    const flags = ['--kubeconfig', on.cluster.kubeconfigPath, 'port-forward', 'pod/inward']
    const child = spawn(kubectl, [...flags, ':8080'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const gone = new Promise((resolve) => child.once('exit', resolve))
    try {
      const port = await new Promise((resolve, reject) => {
        createInterface(child.stdout).on('line', (line) => {
          const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)
          if (found) resolve(found[1])
        })
        child.once('exit', () => reject(new Error('kubectl port-forward has ended')))
      })
      await eventually('hello', async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
    } finally {
      child.kill()
      await gone
    }
  })
})
