/** The end of a sidecar: told to end, it finishes what is under way; killed, it leaves nobody waiting. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, run, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

const PROGRAMS = { curl: 'curl' }
const CLUSTER_IP = '10.96.0.110'
const PORT = 8080
/** How long `curl` waits, in s. */
const PATIENCE = '20'
/** How long an answer may take to begin, ms. */
const READY_MS = 15_000

describeKernel(
  'the end of a sidecar',
  () => {
    let pods: SidecarPods
    let client: SidecarPod
    let server: SidecarPod
    let app: LabProcess

    beforeEach(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      server = await pods.addPod('slow')
      const ports = [{ port: 80, targetPort: PORT }]
      const service = { space: 'dev', name: 'slow', clusterIp: CLUSTER_IP, ports, pod: server }
      const program = `${REPO_INSIDE}/test/kernel/programs/head-echo-server.ts`
      app = spawnIn(server, [NODE_INSIDE, program, 'slow', `${PORT}`], { uid: APP_UID })
      await Promise.all([pods.publish([service]), waitForPort(server, PORT, { server: app })])
    })

    afterEach(() => pods?.close())

    const ask = (path: string) =>
      run(client, ['curl', '-sS', '-m', PATIENCE, `http://${CLUSTER_IP}${path}`], { uid: 1001 })
    /** Resolves once the answer has begun; it ends after a request for `/go-on`. */
    const askSlowly = async () => {
      const url = `http://${CLUSTER_IP}/slow`
      const curl = spawnIn(client, ['curl', '-sS', '-N', '-m', PATIENCE, url], { uid: 1001 })
      await eventually(
        () => curl.output.stdout !== '',
        READY_MS,
        () => `no answer has begun: ${curl.output.stderr}`,
      )
      return curl
    }

    test('SIGTERM lets the answer under way end, and serves the app until it has gone', async () => {
      const curl = await askSlowly()
      const ended = server.sidecar.stop('SIGTERM')
      expect((await ask('/meanwhile')).stdout).toContain('"requestLine":"GET /meanwhile')
      expect((await ask('/go-on')).code).toBe(0)
      expect(await curl.ended).toBe(0)
      expect(JSON.parse(curl.output.stdout)).toMatchObject({ name: 'slow' })
      expect((await ask('/after')).stdout).toContain('"requestLine":"GET /after')
      await app.stop('SIGKILL')
      expect(await ended).toBe(0)
      expect(server.sidecar.output.stdout).toContain('"end":"quiet"')
      for (const path of ['/slow', '/meanwhile', '/after']) {
        const record = await pods.recordWhere(
          `${path}, inbound`,
          (each) => each.path === path && each.direction === 'inbound',
        )
        expect(record).toMatchObject({ status: 200, error: null })
      }
    })

    test('a sidecar that is killed cuts its connections off at once, and the next are refused', async () => {
      const curl = await askSlowly()
      await server.sidecar.stop('SIGKILL')
      // curl: 18 is a part of an answer, 56 an RST; 28 would be its own patience.
      expect([18, 56]).toContain(await curl.ended)
      const record = await pods.recordWhere(
        'the cut request, outbound',
        (each) => each.direction === 'outbound' && each.error !== null,
      )
      expect(record).toMatchObject({ status: 200, error: { code: 'upstream-reset' } })
      expect((await ask('/next')).stdout).toContain('connect-refused')
    })

    test('in the client’s pod, the request under way ends and later ones still get out', async () => {
      const curl = await askSlowly()
      const ended = client.sidecar.stop('SIGTERM')
      expect((await ask('/meanwhile')).code).toBe(0)
      expect((await ask('/go-on')).code).toBe(0)
      expect(await curl.ended).toBe(0)
      expect(JSON.parse(curl.output.stdout)).toMatchObject({ name: 'slow' })
      expect(await ended).toBe(0)
    })
  },
  PROGRAMS,
)
