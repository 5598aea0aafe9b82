/** Pods of a space that are not like the others: without sidecar, refused, ending by themselves, not HTTP. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { KubeObject, PodSpec } from '../../../core/kube/types.ts'
import { ANNOTATION, CONTAINER, HEADER, LABEL } from '../../../core/names.ts'
import { formatTraceParent, newSpanId, newTraceId } from '../../../core/trace-context.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { describeScenario, isInstalled, testWith } from '../requirements.ts'
import { Customer } from './customer.ts'
import { shopService, space } from './shop-objects.ts'
import {
  eventually,
  isReady,
  SCENARIO_LIMIT_MS,
  type SpaceCluster,
  startSpaceCluster,
} from './space-cluster.ts'
import { hopLines } from './trace-lines.ts'

jest.setTimeout(SCENARIO_LIMIT_MS)

/** The sample's image with a program of the test's own. */
const program = (name: string, script: string): PodSpec['containers'][number] => ({
  name,
  image: `azds-sample/${name}:v1`,
  command: ['node', '--input-type=module', '-e', script],
})

const GREETING = 'who is there?\n'
const ECHO_PORT = 7000
const LATE_PORT = 7100
/** Listens when it is told so, on a door that only itself can reach. */
const LATE_SERVER = `
  const { createServer } = await import('node:net')
  const http = await import('node:http')
  let server = null
  http.createServer((request, response) => {
    server?.close()
    server = request.url === '/open' ? createServer((socket) => socket.end()).listen(${LATE_PORT}) : null
    response.end()
  }).listen(7101, '127.0.0.1')
  process.on('SIGTERM', () => process.exit(0))`
/** Speaks first, then says what it hears. */
const ECHO_SERVER = `
  const { createServer } = await import('node:net')
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write(${JSON.stringify(GREETING)})
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  server.listen(${ECHO_PORT})
  process.on('SIGTERM', () => process.exit(0))`
const SAID = 'it is only me\n'
const ECHO_CLIENT = `
  const { connect } = await import('node:net')
  const socket = connect(${ECHO_PORT}, 'echo')
  socket.once('data', () => socket.end(${JSON.stringify(SAID)}))
  for await (const chunk of socket) process.stdout.write(chunk)`

describeScenario('pods that are not like the others', () => {
  let it: SpaceCluster
  let customer: Customer
  beforeAll(async () => {
    it = await startSpaceCluster({ sample: false })
    customer = new Customer(it)
    await it.apply([
      space('dev', null),
      space('alice', 'dev'),
      ...shopService({ namespace: 'dev', service: 'orders' }),
      ...shopService({ namespace: 'alice', service: 'orders' }),
      ...shopService({
        namespace: 'dev',
        service: 'bare',
        calls: ['orders'],
        forwardHeaders: `traceparent,${HEADER.routeAs}`,
        podLabels: { [LABEL.noProxy]: 'true' },
      }),
    ])
    // By both the gateway and the sidecar of the team's version, which sends it on.
    if (isInstalled('gateway'))
      await customer.until('alice.s.dev.bare', ['bare in dev', 'orders in alice'])
  })
  afterAll(async () => it?.stop())

  const records = (traceId: string, due: number): Promise<TraceRecord[]> =>
    customer.trace(traceId, due)

  test('a pod that opts out gets no sidecar', async () => {
    const [pod] = await it.pods('dev', 'bare')
    const { containers = [], initContainers = [] } = pod?.spec ?? {}
    expect([...initContainers, ...containers].map(({ name }) => name)).toEqual(['bare'])
  })

  testWith('gateway', 'api')('it is called as before', async () => {
    const asked = await customer.ask('dev.bare')
    expect(asked).toMatchObject({ status: 200, answers: ['bare in dev', 'orders in dev'] })
    // Nobody but the gateway and orders' sidecar could see it.
    expect(hopLines(await records(asked.traceId, 2))).toEqual([
      'gateway > bare (dev): no-context, no space',
      'bare (dev) > orders (dev): no-context, no space',
    ])
  })

  testWith('gateway', 'api')(
    'what it sends is routed by the sidecar that receives it',
    async () => {
      const asked = await customer.ask('alice.s.dev.bare')
      expect(asked).toMatchObject({ status: 200, answers: ['bare in dev', 'orders in alice'] })
      const trace = await records(asked.traceId, 3)
      expect(hopLines(trace)).toEqual([
        'gateway > bare (dev): fallback-absent, alice by host, alice=absent dev=chosen',
        'bare (dev) > orders (dev): child, alice by header, alice=chosen',
        'orders (dev) > orders (alice): delivered, alice by header',
      ])
      expect(trace.map(({ direction, status }) => [direction, status])).toEqual([
        ['gateway', 200],
        ['inbound', 200],
        ['inbound', 200],
      ])
    },
  )

  test('a pod with a malformed annotation is refused, and kubectl shows which field it is', async () => {
    const annotations = {
      [ANNOTATION.traceBodyBytes]: 'many',
      [ANNOTATION.skipOutboundPorts]: '80,http',
    }
    const metadata = { name: 'refused', namespace: 'dev', annotations }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [idle()] } }
    const { code, stderr } = await it.kubectl(['apply', '-f', '-'], JSON.stringify(pod))
    expect(code).toBe(1)
    expect(stderr).toContain('admission webhook "inject.azds.io" denied the request')
    expect(stderr).toContain('metadata.annotations["azds.io/trace-body-bytes"]: "many" is not')
    expect(stderr).toContain('metadata.annotations["azds.io/skip-outbound-ports"]')
    const found = await it.kubectl(['get', 'pod', 'refused', '-n', 'dev'])
    expect(found.stderr).toContain('NotFound')
  })

  test('a Job in a child space completes beside its sidecar, and its call belongs to the space', async () => {
    const traceId = newTraceId()
    const traceparent = formatTraceParent({ traceId, parentId: newSpanId(), flags: '01' })
    const script = `
      const answer = await fetch('http://orders/', { headers: { traceparent: '${traceparent}' } })
      console.log((await answer.json()).space)`
    const template = { spec: { restartPolicy: 'Never', containers: [program('report', script)] } }
    await it.apply([
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'report', namespace: 'alice' },
        spec: { template, backoffLimit: 0 },
      } as KubeObject,
    ])
    const wait = ['wait', '--for=condition=Complete', 'job/report', '--timeout=60s']
    expect(await it.kubectl([...wait, '-n', 'alice'])).toMatchObject({ code: 0 })
    const log = await it.kubectl(['logs', 'job/report', '-n', 'alice', '-c', 'report'])
    expect(log.stdout).toBe('alice\n')
    const [pod] = await it.podsBy('alice', 'job-name=report')
    expect(pod?.spec.initContainers?.map(({ name }) => name)).toEqual([
      CONTAINER.proxyInit,
      CONTAINER.proxy,
    ])
    if (!isInstalled('api')) return
    expect(hopLines(await records(traceId, 2))).toEqual([
      'report (alice) > orders (alice): child, alice by origin, alice=chosen',
    ])
  })

  test('bytes that are not HTTP pass both sidecars, and each writes one record', async () => {
    const server = { ...program('echo', ECHO_SERVER), ports: [{ containerPort: ECHO_PORT }] }
    const named = { name: 'echo', namespace: 'dev', labels: { app: 'echo' } }
    const ports = [{ port: ECHO_PORT }]
    const service = { kind: 'Service', spec: { selector: named.labels, ports } }
    const pod = { kind: 'Pod', spec: { containers: [server] } }
    await it.apply([service, pod].map((one) => ({ apiVersion: 'v1', metadata: named, ...one })))
    await eventually(
      () => it.pods('dev', 'echo'),
      ([pod]) => pod !== undefined && isReady(pod),
    )
    const client = ['node', '--input-type=module', '-e', ECHO_CLIENT]
    // Before it listens it is refused, which is recorded too.
    await eventually(
      () => it.inPod('alice', 'orders', client).catch((error: Error) => error.message),
      (said) => said === GREETING + SAID,
    )
    if (!isInstalled('api')) return
    const { answer: found } = await eventually(wellDone('echo'), ({ length }) => length >= 2)
    const sides = (await Promise.all(found.map(({ traceId }) => records(traceId, 1)))).flat()
    const seen = { protocol: 'tcp', service: 'echo', status: null, error: null }
    const sizes = { requestBytes: SAID.length, responseBytes: (GREETING + SAID).length }
    const byDirection = sides.toSorted((a, b) => (a.direction < b.direction ? -1 : 1))
    expect(byDirection).toMatchObject([
      { ...seen, ...sizes, direction: 'inbound', space: 'dev', route: { reason: 'not-http' } },
      { ...seen, ...sizes, direction: 'outbound', space: 'alice', route: { reason: 'not-http' } },
    ])
  })

  test('a TCP probe sees whether the app listens, and not the sidecar, which always does', async () => {
    const metadata = { name: 'late', namespace: 'dev', labels: { app: 'late' } }
    const late = {
      ...program('late', LATE_SERVER),
      ports: [{ name: 'late', containerPort: LATE_PORT }],
      readinessProbe: { tcpSocket: { port: 'late' }, periodSeconds: 1, failureThreshold: 1 },
    }
    await it.apply([
      { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [late] } } as KubeObject,
    ])
    const tell = (what: string) => {
      const call = `await fetch('http://127.0.0.1:7101/${what}')`
      const command = ['node', '--input-type=module', '-e', call]
      return eventually(
        () => it.inPod('dev', 'late', command).catch((error: Error) => error.message),
        (said) => said === '',
      )
    }
    const becomes = (ready: boolean) =>
      eventually(
        () => it.pods('dev', 'late'),
        ([pod]) => pod !== undefined && isReady(pod) === ready,
      )
    const events = ['get', 'events', '-n', 'dev', '--field-selector=involvedObject.name=late']
    await eventually(
      () => it.kubectl(events),
      ({ stdout }) => stdout.includes('Readiness probe failed'),
    )
    await becomes(false)
    await tell('open')
    await becomes(true)
    await tell('close')
    await becomes(false)
  })

  /** Traces in which the service took part and nothing failed. */
  const wellDone = (service: string) => async () =>
    (await customer.listed(`service=${service}`)).filter(({ error }) => error === null)
})

function idle() {
  return program('idle', 'setInterval(() => {}, 1000)')
}
