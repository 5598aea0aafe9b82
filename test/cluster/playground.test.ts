/** The playground's node against the Kubernetes behaviour that it stands in for. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { ContainerSpec } from '../../playground/node/pod-view.ts'
import { describeCluster } from './requirements.ts'
import {
  eventually,
  isReady,
  lastLogs,
  phaseIs,
  startTestCluster,
  statusOf,
  type TestCluster,
  told,
} from './test-cluster.ts'
import { alive, descendants } from './traces.ts'

// The slowest test takes 2 s on an idle machine; waits inside the tests end after 60 s.
jest.setTimeout(180_000)

const shell = (name: string, script: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name,
  image: 'playground/shell',
  command: ['sh', '-c', script],
  ...more,
})

/** As process 1 a shell ignores SIGTERM unless it says what to do. */
const IDLE = 'trap "exit 0" TERM; while :; do sleep 0.1; done'

const webPod = (env: { name: string; value: string }[] = []): ContainerSpec => ({
  name: 'web',
  image: 'azds-sample/web:v1',
  env,
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
})

const CONFIG = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { main: 'blue\n' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { key: 's3cret' } },
]

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'shop' } },
    template: {
      metadata: { labels: { app: 'shop' } },
      spec: { containers: [webPod()] },
    },
  },
}

/** Asks http://web/ on forty new connections and prints which versions answered. */
const WHO_ANSWERS = `
  const seen = new Set()
  for (let i = 0; i < 40; i++) {
    const answer = await fetch('http://web/', { headers: { connection: 'close' } })
    seen.add((await answer.json()).version)
  }
  console.log([...seen].sort().join())`
const askWho = ['node', '--input-type=module', '-e', WHO_ANSWERS]

const service = (name: string, app: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

describeCluster('the playground', () => {
  let it: TestCluster
  beforeAll(async () => {
    it = await startTestCluster()
  })
  afterAll(async () => it?.cluster.stop())

  test('kubectl sees one ready node of version 1.34', async () => {
    expect(await it.kubectl(['get', 'nodes', '--no-headers'])).toMatch(
      /^playground +Ready .*v1\.34/,
    )
  })

  test('a container has its user, rights, variables, files and resolver', async () => {
    const config = CONFIG.map((object) => JSON.stringify(object)).join('\n---\n')
    await it.kubectl(['apply', '-f', '-'], config)
    await it.createPod('identity', {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'scratch', emptyDir: {} },
      ],
      containers: [
        shell(
          'app',
          'id -u; id -g; grep -E "CapEff|NoNewPrivs" /proc/self/status; pwd; echo "$GREETING"; cat /etc/colours/main; touch /scratch/x && echo writable; touch /y 2>&1; cat /etc/resolv.conf; hostname; cat /var/run/secrets/kubernetes.io/serviceaccount/namespace',
          {
            workingDir: '/srv/app',
            env: [
              { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'key' } } },
              { name: 'GREETING', value: 'I am $(POD) with $(KEY), $$(POD)' },
            ],
            securityContext: {
              runAsUser: 1234,
              runAsGroup: 5678,
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [
              { name: 'settings', mountPath: '/etc/colours' },
              { name: 'scratch', mountPath: '/scratch' },
            ],
          },
        ),
      ],
    })
    await it.podWhen('identity', phaseIs('Succeeded'))
    expect((await it.log('identity', 'app')).split('\n')).toEqual([
      '1234',
      '5678',
      'CapEff:\t0000000000000000',
      'NoNewPrivs:\t1',
      '/srv/app',
      'I am identity with s3cret, $(POD)',
      'blue',
      'writable',
      "touch: cannot touch '/y': Read-only file system",
      'search default.svc.cluster.local svc.cluster.local cluster.local',
      'nameserver 10.96.0.10',
      'options ndots:5',
      'identity',
      'default',
      '',
    ])
  })

  test('what an init container writes into resolv.conf, the app reads; also with a read-only root', async () => {
    const readOnly = { securityContext: { readOnlyRootFilesystem: true } }
    await it.createPod('resolver', {
      restartPolicy: 'Never',
      initContainers: [shell('edit', 'echo "# edited" >> /etc/resolv.conf')],
      containers: [shell('app', 'tail -1 /etc/resolv.conf; echo x >> /etc/resolv.conf', readOnly)],
    })
    await it.podWhen('resolver', phaseIs('Failed'))
    expect(await it.log('resolver', 'app')).toMatch(/^# edited\n.*Read-only file system/)
  })

  test('a service name leads to every ready pod, and a pod reaches itself through it', async () => {
    await it.client.create('/api/v1/namespaces/default/services', service('web', 'web'))
    for (const version of ['a', 'b']) {
      const env = [{ name: 'VERSION', value: version }]
      await it.createPod(`web-${version}`, { containers: [webPod(env)] }, { app: 'web' })
    }
    await it.podWhen('web-a', isReady)
    await it.podWhen('web-b', isReady)
    // Forty connections miss one of two pods once in 5 * 10^11 runs.
    await eventually('a,b\n', () => it.inPod('web-a', 'web', askWho))
  })

  test('a pod that is not ready gets no connections, and gets them again once it is', async () => {
    const probe = {
      exec: { command: ['test', '-e', '/tmp/ready'] },
      periodSeconds: 1,
      failureThreshold: 1,
    }
    const container = { ...webPod([{ name: 'VERSION', value: 'c' }]), readinessProbe: probe }
    await it.createPod('web-c', { containers: [container] }, { app: 'web' })
    await it.podWhen('web-c', phaseIs('Running'))
    expect(await it.inPod('web-a', 'web', askWho)).toBe('a,b\n')
    await it.inPod('web-c', 'web', ['touch', '/tmp/ready'])
    await it.podWhen('web-c', isReady)
    await eventually('a,b,c\n', () => it.inPod('web-a', 'web', askWho))
    await it.inPod('web-c', 'web', ['rm', '/tmp/ready'])
    await it.podWhen('web-c', (pod) => !isReady(pod))
    await eventually('a,b\n', () => it.inPod('web-a', 'web', askWho))
  })

  test('a service without ready pods refuses at once', async () => {
    await it.client.create('/api/v1/namespaces/default/services', service('nobody', 'nobody'))
    const script =
      'const t = Date.now(); try { await fetch("http://nobody/") } catch (e) { console.log(e.cause.code, Date.now() - t < 2000) }'
    const ask = () => it.inPod('web-a', 'web', ['node', '--input-type=module', '-e', script])
    await eventually('ECONNREFUSED true\n', ask)
  })

  test('a name outside the cluster fails at once', async () => {
    const script =
      'const t = Date.now(); try { await fetch("http://example.org/") } catch (e) { console.log(e.cause.code, Date.now() - t < 2000) }'
    const ask = () => it.inPod('web-a', 'web', ['node', '--input-type=module', '-e', script])
    await eventually('ENOTFOUND true\n', ask)
  })

  test('a port of the host leads to a service, and a service that is not there resets the connection', async () => {
    const { port } = await it.cluster.forward('default', 'web', 80)
    const answer = await fetch(`http://127.0.0.1:${port}/shop`)
    expect(await answer.json()).toMatchObject({ service: 'web', path: '/shop', status: 200 })
    const missing = await it.cluster.forward('default', 'not-there', 80)
    await expect(fetch(`http://127.0.0.1:${missing.port}/`)).rejects.toThrow('fetch failed')
  })

  test('a crashing container is restarted with pauses, and its last log is kept', async () => {
    const script = 'echo "run $(date +%s%N)"; exit 3'
    await it.createPod('crash', { containers: [shell('app', script)] })
    const pod = await it.podWhen('crash', (now) => (statusOf(now, 'app')?.restartCount ?? 0) >= 2)
    expect(statusOf(pod, 'app')?.lastState['terminated']).toMatchObject({
      exitCode: 3,
      reason: 'Error',
    })
    await it.podWhen('crash', (now) => {
      return statusOf(now, 'app')?.state['waiting']?.reason === 'CrashLoopBackOff'
    })
    const [now, before] = await lastLogs(it, 'crash', 'app')
    expect(now).toMatch(/^run \d+\n$/)
    expect(before).toMatch(/^run \d+\n$/)
    expect(before).not.toBe(now)
    await it.kubectl(['delete', 'pod', 'crash', '--wait=true'])
  })

  test('a liveness probe that fails restarts its container', async () => {
    const livenessProbe = {
      exec: { command: ['test', '!', '-e', '/tmp/sick'] },
      periodSeconds: 1,
      failureThreshold: 1,
      timeoutSeconds: 10,
    }
    await it.createPod('lively', { containers: [shell('app', IDLE, { livenessProbe })] })
    await it.podWhen('lively', isReady)
    await it.inPod('lively', 'app', ['touch', '/tmp/sick'])
    const pod = await it.podWhen('lively', (now) => statusOf(now, 'app')?.restartCount === 1)
    // The new run has a new root, so that it is well again.
    expect(statusOf(pod, 'app')?.lastState['terminated']?.exitCode).toBe(0)
    await told(it, 'Unhealthy')
    await it.kubectl(['delete', 'pod', 'lively'])
  })

  test('an unknown image gives ImagePullBackOff and an Event that says why', async () => {
    await it.createPod('strange', { containers: [{ name: 'app', image: 'nginx:latest' }] })
    const pod = await it.podWhen('strange', (now) => {
      return statusOf(now, 'app')?.state['waiting']?.reason === 'ImagePullBackOff'
    })
    expect(pod.status?.phase).toBe('Pending')
    await told(it, 'Failed to pull image "nginx:latest"')
    await it.kubectl(['delete', 'pod', 'strange'])
  })

  test('a container whose ConfigMap is missing starts once it is there', async () => {
    const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'x' } } }]
    const app = shell('app', 'echo "$X"', { env })
    await it.createPod('patient', { restartPolicy: 'Never', containers: [app] })
    const pod = await it.podWhen('patient', (now) => {
      return statusOf(now, 'app')?.state['waiting']?.reason === 'CreateContainerConfigError'
    })
    expect(statusOf(pod, 'app')?.state['waiting']?.message).toBe('configmap "late" not found')
    const late = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late' },
      data: { x: 'here' },
    }
    await it.kubectl(['apply', '-f', '-'], JSON.stringify(late))
    await it.podWhen('patient', phaseIs('Succeeded'))
    expect(await it.log('patient', 'app')).toBe('here\n')
  })

  test('a sidecar starts before the next init container and ends after the app, which alone decides the end', async () => {
    const say = (word: string) => `echo "$(date +%s%N) ${word}" >> /shared/order`
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    const sidecar = `${say('sidecar begins')}; sleep 0.5; touch /tmp/up; ${say('sidecar up')}; trap '${say('sidecar ends')}; exit 7' TERM; while :; do sleep 0.05; done`
    await it.createPod('ordered', {
      restartPolicy: 'Never',
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [
        shell('first', say('first'), { volumeMounts }),
        shell('sidecar', sidecar, {
          volumeMounts,
          restartPolicy: 'Always',
          startupProbe: { exec: { command: ['test', '-e', '/tmp/up'] } },
          lifecycle: { preStop: { exec: { command: ['sh', '-c', say('sidecar told')] } } },
        }),
        shell('second', say('second'), { volumeMounts }),
      ],
      containers: [
        shell('app', `sleep 0.5; ${say('app')}; sleep 0.5; cat /shared/order`, { volumeMounts }),
      ],
    })
    const pod = await it.podWhen('ordered', phaseIs('Succeeded'))
    const order = (await it.log('ordered', 'app')).match(/(?<=\d ).*/g)
    expect(order).toEqual(['first', 'sidecar begins', 'sidecar up', 'second', 'app'])
    const app = statusOf(pod, 'app')?.state['terminated']
    const last = statusOf(pod, 'sidecar')?.state['terminated']
    expect(app?.exitCode).toBe(0)
    expect(last?.exitCode).toBe(7)
    expect(Date.parse(last?.finishedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(app?.finishedAt ?? ''),
    )
  })

  test('a sidecar that dies is restarted while the app goes on', async () => {
    await it.createPod('companions', {
      initContainers: [shell('sidecar', 'sleep 0.5; exit 1', { restartPolicy: 'Always' })],
      containers: [shell('app', IDLE)],
    })
    const pod = await it.podWhen('companions', (now) => {
      const isUp = statusOf(now, 'app')?.state['waiting'] === undefined
      return isUp && (statusOf(now, 'sidecar')?.restartCount ?? 0) >= 1
    })
    expect(statusOf(pod, 'app')).toMatchObject({ restartCount: 0, state: { running: {} } })
    await it.kubectl(['delete', 'pod', 'companions'])
  })

  test('a failed init container ends a pod that must not restart', async () => {
    await it.createPod('doomed', {
      restartPolicy: 'Never',
      initContainers: [shell('setup', 'exit 5')],
      containers: [shell('app', 'echo never')],
    })
    const pod = await it.podWhen('doomed', phaseIs('Failed'))
    expect(statusOf(pod, 'setup')?.state['terminated']?.exitCode).toBe(5)
    expect(statusOf(pod, 'app')?.state['waiting']?.reason).toBe('PodInitializing')
  })

  test('a postStart hook holds back the next container', async () => {
    const command = ['sh', '-c', 'sleep 1; date +%s%N > /shared/hook']
    const lifecycle = { postStart: { exec: { command } } }
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    await it.createPod('hooked', {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'shared', emptyDir: {} }],
      containers: [
        shell('one', 'until [ -e /shared/read ]; do sleep 0.1; done', { volumeMounts, lifecycle }),
        shell('two', 'cat /shared/hook; touch /shared/read', { volumeMounts }),
      ],
    })
    await it.podWhen('hooked', phaseIs('Succeeded'))
    expect(await it.log('hooked', 'two')).toMatch(/^\d+\n$/)
  })

  test('deletion runs preStop, then SIGTERM, and a followed log goes on to the end', async () => {
    const script = 'trap "echo told to end; exit 0" TERM; echo up; while :; do sleep 0.05; done'
    const preStop = { exec: { command: ['sh', '-c', 'echo pre-stop > /proc/1/fd/1'] } }
    await it.createPod('polite', { containers: [shell('app', script, { lifecycle: { preStop } })] })
    await it.podWhen('polite', isReady)
    const lines: string[] = []
    const followed = it.client.lines(
      '/api/v1/namespaces/default/pods/polite/log?follow=true',
      (line) => lines.push(line),
      AbortSignal.timeout(120_000),
    )
    await eventually('up', async () => lines.join())
    await it.kubectl(['delete', 'pod', 'polite', '--wait=true', '--timeout=60s'])
    await followed
    expect(lines).toEqual(['up', 'pre-stop', 'told to end'])
  })

  test('a container that does not listen is killed after its grace period, with all its processes', async () => {
    const script = 'trap "" TERM; sleep 4321 & while :; do sleep 0.1; done'
    await it.createPod('deaf', {
      terminationGracePeriodSeconds: 1,
      containers: [shell('app', script)],
    })
    await it.podWhen('deaf', isReady)
    const all = () => descendants(process.pid).filter(({ command }) => command.includes('4321'))
    await eventually('true', async () => `${all().some(({ command }) => /^sleep/.test(command))}`)
    const asleep = all()
    const began = performance.now()
    await it.kubectl(['delete', 'pod', 'deaf', '--wait=true', '--timeout=60s'])
    expect(performance.now() - began).toBeGreaterThan(900)
    expect(alive(asleep)).toEqual([])
  })

  test('a Deployment comes up, scales and goes, and a Job completes beside its sidecar', async () => {
    await it.kubectl(['apply', '-f', '-'], JSON.stringify(DEPLOYMENT))
    await it.kubectl(['rollout', 'status', 'deployment/shop', '--timeout=60s'])
    await it.kubectl(['delete', 'deployment', 'shop', '--timeout=60s'])
    const template = {
      spec: {
        restartPolicy: 'Never',
        initContainers: [shell('sidecar', IDLE, { restartPolicy: 'Always' })],
        containers: [shell('work', 'echo done')],
      },
    }
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'once' },
      spec: { template },
    }
    await it.kubectl(['apply', '-f', '-'], JSON.stringify(job))
    await it.kubectl(['wait', '--for=condition=Complete', 'job/once', '--timeout=60s'])
    expect(await it.kubectl(['logs', 'job/once', '-c', 'work'])).toBe('done\n')
  })
})
