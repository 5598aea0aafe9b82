/** What a sidecar's end means for connections that are kept, and how long it may take at most. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { PROXY_UID, PORT as SIDECAR_PORT } from '../../../core/names.ts'
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, run, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { converse, type Step } from './conversation-steps.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

const SIDECAR = `${REPO_INSIDE}/dist/proxy.mjs`
const ODD_SERVER = `${REPO_INSIDE}/test/kernel/programs/odd-server.ts`
const PORT = { late: 9301, keepAlive: 9302, watcher: 9303 }
const BEHAVIOURS = [
  ...['http-late', `${PORT.late}`],
  ...['http-keep-alive', `${PORT.keepAlive}`],
  ...['watcher', `${PORT.watcher}`],
]
const DEADLINE_MS = 1500
/** Where the deadline is not the point: far beyond what a busy machine makes of the rest. */
const FAR_DEADLINE_MS = 30_000
/** How long what takes moments may take on a busy machine. */
const SLACK_MS = 10_000

/** Of a sidecar that has nothing to do but to start. */
const STARTING = {
  AZDS_POD_NAME: 'p',
  AZDS_POD_NAMESPACE: 'dev',
  AZDS_OUTBOUND_PORT: '0',
  AZDS_INBOUND_PORT: '0',
  AZDS_ADMIN_PORT: '0',
  AZDS_CONTROLLER_URL: 'http://127.0.0.1:1',
  // What listens beside it counts as its app, so that it does not end before.
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

  const start = async (deadlineMs: number) => {
    const env = { AZDS_DRAIN_DEADLINE_MS: `${deadlineMs}`, AZDS_DRAIN_QUIET_MS: '100' }
    pod = await pods.addPod(`app-${count++}`, { env })
    app = spawnIn(pod, [NODE_INSIDE, ODD_SERVER, ...BEHAVIOURS], { uid: APP_UID })
    for (const port of Object.values(PORT)) await waitForPort(pod, port, { server: app })
    await waitForPort(pod, SIDECAR_PORT.inbound, { server: pod.sidecar })
  }

  afterEach(() => pod.sidecar.stop('SIGKILL'))

  const talk = (port: number, steps: readonly Step[]) =>
    converse(pods.lab.node, { host: pod.ipv4, port }, steps)
  const whenApp = (has: 'OPEN' | 'SEEN') =>
    eventually(
      () => app.output.stdout.includes(`${has}\n`),
      SLACK_MS,
      () => `the app has seen only ${JSON.stringify(app.output.stdout)}`,
    )
  /** Until it has heard the signal: from then on it tells its clients that their connections close. */
  const whenDraining = () =>
    eventually(
      async () => {
        const url = `http://${pod.ipv4}:${PORT.keepAlive}/`
        return /^connection: close/im.test((await run(pods.lab.node, ['curl', '-si', url])).stdout)
      },
      SLACK_MS,
      () => `the sidecar has not heard the signal: ${pod.sidecar.output.stdout}`,
    )

  test('says so in the answer under way, then ends the connection', async () => {
    await start(FAR_DEADLINE_MS)
    const conversation = talk(PORT.late, [{ send: GET }, { untilEnd: true }])
    await whenApp('OPEN')
    const ended = pod.sidecar.stop('SIGTERM')
    const seen = await conversation
    expect(seen).toMatchObject({ ended: true, error: null })
    expect(seen.received).toMatch(/^HTTP\/1.1 200 OK\r\n.*connection: close\r\n.*done$/is)
    await app.stop('SIGKILL')
    expect(await ended).toBe(0)
  })

  test('ends an idle connection by FIN, and answers a new one for the last time', async () => {
    await start(FAR_DEADLINE_MS)
    const kept = talk(PORT.keepAlive, [{ send: GET }, { until: 'done' }, { untilEnd: true }])
    // Idle is what has its answer: the sidecar's record of it comes after that.
    await pods.recordWhere('the answer', (one) => one.pod === pod.name && one.status === 200)
    const ended = pod.sidecar.stop('SIGTERM')
    const idle = await kept
    expect(idle).toMatchObject({ ended: true, error: null })
    expect(idle.received).not.toMatch(/connection: close/i)
    const late = await talk(PORT.keepAlive, [{ send: GET }, { untilEnd: true }])
    expect(late.received).toMatch(/connection: close\r\n.*done$/is)
    await app.stop('SIGKILL')
    expect(await ended).toBe(0)
  })

  test('cuts off what is still open at its deadline, by RST', async () => {
    await start(DEADLINE_MS)
    const steps: Step[] = [{ send: '*x*\r\n' }, { until: 'seen' }, { untilEnd: true }]
    const conversation = talk(PORT.watcher, steps)
    await whenApp('SEEN')
    const told = performance.now()
    const ended = pod.sidecar.stop('SIGTERM')
    expect(await conversation).toMatchObject({
      received: 'seen ',
      ended: false,
      error: 'ECONNRESET',
    })
    expect(performance.now() - told).toBeGreaterThan(DEADLINE_MS - 100)
    expect(await ended).toBe(0)
    expect(performance.now() - told).toBeLessThan(DEADLINE_MS + SLACK_MS)
    expect(pod.sidecar.output.stdout).toContain('"end":"deadline"')
  })

  test('ends at once when it is told a second time', async () => {
    await start(FAR_DEADLINE_MS)
    const conversation = talk(PORT.watcher, [
      { send: '*x*\r\n' },
      { until: 'seen' },
      { untilEnd: true },
    ])
    await whenApp('SEEN')
    const first = pod.sidecar.stop('SIGTERM')
    await whenDraining()
    const told = performance.now()
    await pod.sidecar.stop('SIGTERM')
    expect(performance.now() - told).toBeLessThan(SLACK_MS)
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
          SLACK_MS,
          () => `the sidecar does not start: ${sidecar.output.stdout}${sidecar.output.stderr}`,
        )
        await new Promise((resolve) => setTimeout(resolve, ms))
        const told = performance.now()
        const code = await sidecar.stop('SIGTERM')
        return { code, soon: performance.now() - told < SLACK_MS }
      }),
    )
    expect(outcomes).toEqual(outcomes.map(() => ({ code: 0, soon: true })))
  })
})
