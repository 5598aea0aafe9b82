/** WebSockets (the package `ws`) through two sidecars. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  type LabProcess,
  NODE_INSIDE,
  type Place,
  REPO_INSIDE,
  runOk,
  spawnIn,
  waitForPort,
} from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  RECORD_TIMEOUT_MS,
  type SidecarPods,
} from './sidecar-pods.ts'
import type { WebSocketReport } from './websocket-client.ts'

const CLUSTER_IP = '10.96.0.50'
const PORT = 8080
const FOLDER = `${REPO_INSIDE}/test/kernel/programs`
/** Six sizes from 1 byte to 1 MB; see the client. */
const BINARY_BYTES = 1 + 125 + 126 + 65_535 + 65_536 + 1024 * 1024

describeKernel('WebSockets through two sidecars', () => {
  let pods: SidecarPods
  let client: Place
  let server: LabProcess

  beforeAll(async () => {
    pods = await createSidecarPods()
    client = await pods.addPod('client')
    const pod = await pods.addPod('chat')
    const ports = [{ port: 80, targetPort: PORT }]
    const service = { space: 'dev', name: 'chat', clusterIp: CLUSTER_IP, ports, pod }
    const argv = [NODE_INSIDE, `${FOLDER}/websocket-server.ts`, `${PORT}`]
    server = spawnIn(pod, argv, { uid: APP_UID })
    await Promise.all([pods.publish([service]), waitForPort(pod, PORT, { server })])
  })

  afterAll(() => pods?.close())

  test.each([
    ['the client closes', 'close', { code: 4001, reason: 'client is done' }, '4001 client is done'],
    [
      'the server closes',
      'be-closed',
      { code: 4002, reason: 'server is done' },
      '4002 server is done',
    ],
    ['the client vanishes', 'vanish', null, '1006 '],
  ])('text, binary and pings go both ways, until %s', async (_what, last, end, serverSaw) => {
    const path = `/chat?${last}`
    const argv = [NODE_INSIDE, `${FOLDER}/websocket-client.ts`, `ws://${CLUSTER_IP}${path}`, last]
    const report: WebSocketReport = JSON.parse(await runOk(client, argv, { uid: 1001 }))
    const heard = { text: 'grüße', intact: true, binaryBytes: BINARY_BYTES, pong: 'are you there' }
    expect(report).toEqual({ ...heard, end })
    await eventually(
      () => server.output.stdout.includes(`${serverSaw}\n`),
      RECORD_TIMEOUT_MS,
      () => `the server saw ${JSON.stringify(server.output.stdout)}, not ${serverSaw}`,
    )

    const [out, incoming] = await Promise.all(
      ['outbound', 'inbound'].map((direction) =>
        pods.recordWhere(
          `${path}, ${direction}`,
          (record) => record.path === path && record.direction === direction,
        ),
      ),
    )
    const upgraded = { protocol: 'websocket', status: 101, method: 'GET', service: 'chat' }
    expect(out).toMatchObject({ ...upgraded, error: null })
    expect(incoming).toMatchObject({ ...upgraded, error: null, parentSpanId: out?.spanId })
    expect(incoming?.responseBytes).toBe(out?.responseBytes)
    for (const record of [out, incoming]) {
      expect(record?.requestBytes).toBeGreaterThan(BINARY_BYTES)
      expect(record?.requestBytes).toBeLessThan(BINARY_BYTES + 2000)
      expect(record?.responseBytes).toBeGreaterThan(BINARY_BYTES)
    }
  })
})
