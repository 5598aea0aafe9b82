/** What a sidecar's end means for connections that are kept, and how long it may take at most. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { PROXY_UID, PORT as SIDECAR_PORT } from '../../../core/names.ts'
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { type Conversation, converse, type Step } from './conversation-steps.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

const SIDECAR = `${REPO_INSIDE}/proxy/main.ts`
const ODD_SERVER = `${REPO_INSIDE}/test/kernel/programs/odd-server.ts`
const PORT = { late: 9301, keepAlive: 9302, watcher: 9303 }
const BEHAVIOURS = [
  ...['http-late', `${PORT.late}`],
  ...['http-keep-alive', `${PORT.keepAlive}`],
  ...['watcher', `${PORT.watcher}`],
]
const DEADLINE_MS = 1500
/** The last traces may take 2 s if the controller is gone; it is not, so this is for a busy machine. */
const SLACK_MS = 2500

/** Of a sidecar that has nothing to do but to start. */
const STARTING = {
  AZDS_POD_NAME: 'p',
  AZDS_POD_NAMESPACE: 'dev',
  AZDS_OUTBOUND_PORT: '0',
  AZDS_INBOUND_PORT: '0',
  AZDS_ADMIN_PORT: '0',
  AZDS_CONTROLLER_URL: 'http://127.0.0.1:1',
  AZDS_DRAIN_DEADLINE_MS: `${DEADLINE_MS}`,
}

const GET = 'GET / HTTP/1.1\r\nHost: odd\r\n\r\n'

describeKernel('a sidecar that is told to end', () => {
  let pods: SidecarPods
  let pod: SidecarPod
  let app: LabProcess
  let count = 0

  beforeAll(async () => {
    pods = await createSidecarPods()
  })

  afterAll(() => pods?.close())

  beforeEach(async () => {
    const env = { AZDS_DRAIN_DEADLINE_MS: `${DEADLINE_MS}` }
    pod = await pods.addPod(`app-${count++}`, { env })
    app = spawnIn(pod, [NODE_INSIDE, ODD_SERVER, ...BEHAVIOURS], { uid: APP_UID })
    await waitForPort(pod, PORT.watcher, { server: app })
    await waitForPort(pod, SIDECAR_PORT.inbound, { server: pod.sidecar })
  })

  afterEach(() => pod.sidecar.stop('SIGKILL'))

  const talk = (port: number, steps: readonly Step[]) =>
    converse(pods.lab.node, { host: pod.ipv4, port }, steps)
  const whenOpen = () =>
    eventually(
      () => app.output.stdout.includes('OPEN\n'),
      5000,
      () => 'no connection has come',
    )

  test('says so in the answer under way, then ends the connection', async () => {
    const conversation = talk(PORT.late, [{ send: GET }, { untilEnd: true }])
    await whenOpen()
    const ended = pod.sidecar.stop('SIGTERM')
    const seen = await conversation
    expect(seen).toMatchObject({ ended: true, error: null })
    expect(seen.received).toMatch(/^HTTP\/1.1 200 OK\r\n.*connection: close\r\n.*done$/is)
    expect(await ended).toBe(0)
  })

  test('ends an idle connection by FIN, and answers a new one for the last time', async () => {
    const kept = talk(PORT.keepAlive, [{ send: GET }, { until: 'done' }, { untilEnd: true }])
    await whenOpen()
    await new Promise((resolve) => setTimeout(resolve, 200))
    const ended = pod.sidecar.stop('SIGTERM')
    const idle: Conversation = await kept
    expect(idle).toMatchObject({ ended: true, error: null })
    expect(idle.received).not.toMatch(/connection: close/i)
    const late = await talk(PORT.keepAlive, [{ send: GET }, { untilEnd: true }])
    expect(late.received).toMatch(/connection: close\r\n.*done$/is)
    expect(await ended).toBe(0)
  })

  test('cuts off what is still open at its deadline, by RST', async () => {
    const steps: Step[] = [{ send: '*x*\r\n' }, { until: 'seen' }, { untilEnd: true }]
    const conversation = talk(PORT.watcher, steps)
    await whenOpen()
    const start = performance.now()
    const ended = pod.sidecar.stop('SIGTERM')
    expect(await conversation).toMatchObject({
      received: 'seen ',
      ended: false,
      error: 'ECONNRESET',
    })
    expect(performance.now() - start).toBeGreaterThan(DEADLINE_MS - 100)
    expect(await ended).toBe(0)
    expect(performance.now() - start).toBeLessThan(DEADLINE_MS + SLACK_MS)
    expect(pod.sidecar.output.stdout).toContain('"end":"deadline"')
  })

  test('ends at once when it is told a second time', async () => {
    const conversation = talk(PORT.watcher, [{ send: '*x*\r\n' }, { untilEnd: true }])
    await whenOpen()
    const first = pod.sidecar.stop('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const start = performance.now()
    await pod.sidecar.stop('SIGTERM')
    expect(performance.now() - start).toBeLessThan(1000)
    expect(await first).toBe(0)
    expect(pod.sidecar.output.stdout).toContain('second-signal')
    expect((await conversation).received).toBe('seen ')
  })

  test('ends also while it starts, whenever that is', async () => {
    const outcomes = await Promise.all(
      [0, 20, 40, 80, 160].map(async (ms) => {
        const sidecar = spawnIn(pods.lab.node, [NODE_INSIDE, SIDECAR], {
          uid: PROXY_UID,
          env: STARTING,
        })
        await eventually(
          () => sidecar.output.stdout.includes('"starting"'),
          5000,
          () => `the sidecar does not start: ${sidecar.output.stdout}${sidecar.output.stderr}`,
        )
        await new Promise((resolve) => setTimeout(resolve, ms))
        const start = performance.now()
        const code = await sidecar.stop('SIGTERM')
        return { code, soon: performance.now() - start < DEADLINE_MS + SLACK_MS }
      }),
    )
    expect(outcomes).toEqual(outcomes.map(() => ({ code: 0, soon: true })))
  })
})
