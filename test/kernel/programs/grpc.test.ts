/** gRPC (the package `@grpc/grpc-js`, both ends) through two sidecars. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, runOk, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  RECORD_TIMEOUT_MS,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

const ROOT_IP = '10.96.0.120'
const CHILD_IP = '10.96.0.121'
const PORT = 8080
const FOLDER = `${REPO_INSIDE}/test/kernel/programs`

describeKernel('gRPC through two sidecars', () => {
  let pods: SidecarPods
  let client: SidecarPod
  let root: SidecarPod
  let app: LabProcess
  let report: Record<string, unknown>

  beforeAll(async () => {
    pods = await createSidecarPods()
    client = await pods.addPod('client')
    root = await pods.addPod('talk-dev')
    const child = await pods.addPod('talk-alice', { space: 'alice' })
    const ports = [{ port: 80, targetPort: PORT }]
    const service = { name: 'talk', ports }
    app = serve(root)
    const other = serve(child)
    await Promise.all([
      pods.publish([
        { ...service, space: 'dev', clusterIp: ROOT_IP, pod: root },
        { ...service, space: 'alice', clusterIp: CHILD_IP, pod: child },
      ]),
      waitForPort(root, PORT, { server: app }),
      waitForPort(child, PORT, { server: other }),
    ])
    const argv = [NODE_INSIDE, `${FOLDER}/grpc-client.ts`, `${ROOT_IP}:80`]
    report = JSON.parse(await runOk(client, argv, { uid: 1001, timeoutMs: 60_000 }))
  }, 120_000)

  afterAll(() => pods?.close())

  function serve(pod: SidecarPod): LabProcess {
    const argv = [NODE_INSIDE, `${FOLDER}/grpc-server.ts`, pod.name, `${PORT}`]
    return spawnIn(pod, argv, { uid: APP_UID })
  }

  const OK = { code: 0, details: '' }

  test.each<[string, string, unknown]>([
    [
      'a unary call is answered, binary metadata before and after included',
      'unary',
      { text: 'talk-dev 1 grüße', first: true, last: true },
    ],
    ['a stream of the client arrives whole', 'clientStream', { ...OK, words: 100 }],
    [
      'a stream of the server arrives in order',
      'serverStream',
      { inOrder: true, count: 100, end: OK },
    ],
    ['messages go back and forth one by one', 'chat', { count: 50, last: 'talk-dev 49' }],
    ['a deadline ends the call', 'deadline', { code: 4, soon: true }],
    ['a call can be cancelled', 'cancellation', 1],
    [
      'an error without a message arrives with details and metadata',
      'trailersOnly',
      { code: 5, details: 'nicht da: grün', reason: ['gone'] },
    ],
    [
      'an error behind messages arrives after them',
      'lateFailure',
      { texts: ['0', '1', '2'], end: { code: 8, details: 'no more' } },
    ],
    ['5 MB arrive there and back', 'big', { ...OK, same: true }],
    [
      'a reader that stops holds the writer up, and loses nothing',
      'pour',
      { code: 0, bytes: 16_777_216, same: true },
    ],
    ['500 calls at once get an answer each', 'manyAtOnce', 500],
    [
      'calls of two spaces reach a version each over one connection',
      'twoSpaces',
      { names: ['talk-dev', 'talk-alice', 'talk-dev', 'talk-alice'], connections: 1 },
    ],
    [
      'the server’s GOAWAY lets the stream under way end, and the next call finds the new server',
      'goaway',
      { count: 20, code: 0, next: 'talk-dev 2 again' },
    ],
  ])('%s', (_, scenario, seen) => {
    expect(report[scenario]).toEqual(seen)
  })

  test('the server sees deadlines and cancellations', async () => {
    for (const line of ['deadline: limited cancelled', 'cancellation: unlimited cancelled']) {
      await eventually(
        () => app.output.stdout.includes(line),
        RECORD_TIMEOUT_MS,
        () => `the server printed ${JSON.stringify(app.output.stdout)}, not ${line}`,
      )
    }
  })

  test('each call has a record at either side, which hang together', async () => {
    const [out, incoming] = await Promise.all(
      ['outbound', 'inbound'].map((direction) =>
        pods.recordWhere(
          `Chat, ${direction}`,
          (record) => record.path === '/test.Talk/Chat' && record.direction === direction,
        ),
      ),
    )
    const call = { method: 'POST', status: 200, service: 'talk', error: null }
    expect(out).toMatchObject({ ...call, protocol: 'h2' })
    expect(incoming).toMatchObject({ ...call, parentSpanId: out?.spanId })
  })

  test('a sidecar that is told to end lets the stream under way end', async () => {
    const argv = [NODE_INSIDE, `${FOLDER}/grpc-client.ts`, `${ROOT_IP}:80`, 'slowly']
    const call = spawnIn(client, argv, { uid: 1001 })
    await eventually(
      () => call.output.stdout.includes('begun'),
      RECORD_TIMEOUT_MS,
      () => `no message came: ${call.output.stderr}`,
    )
    const ended = root.sidecar.stop('SIGTERM')
    expect(await call.ended).toBe(0)
    expect(call.output.stdout).toContain('{"count":20,"code":0}')
    await app.stop('SIGTERM')
    expect(await ended).toBe(0)
  })
})
