/**
 * Connections to the addresses of pods themselves, as clients of a headless Service make them, over both
 * families and through two sidecars: who is seen where.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ENV } from '../../../core/names.ts'
import { formatAddress } from '../../../core/routing-table.ts'
import { type Dialer, startDialer, startGreeter } from '../conversation.ts'
import { NODE_INSIDE, REPO_INSIDE, runOk, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { APP_UID, createSidecarPods, type SidecarPod, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = { curl: 'curl' }
const HTTP_PORT = 8080
/** Of no Service. */
const OTHER_HTTP_PORT = 8081
const REDIRECTED_PORT = 7001
const OPAQUE_PORT = 7002
const CLIENT_UID = 1001

describeKernel(
  'the addresses of pods',
  () => {
    let pods: SidecarPods
    let client: SidecarPod
    let server: SidecarPod
    let dialer: Dialer

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      server = await pods.addPod('server', { env: { [ENV.opaquePorts]: `${OPAQUE_PORT}` } })
      const numbers = [HTTP_PORT, REDIRECTED_PORT, OPAQUE_PORT]
      const ports = numbers.map((port) => ({ port, targetPort: port }))
      const headless = { space: 'dev', name: 'db', clusterIp: null, ports, pod: server }
      const program = `${REPO_INSIDE}/test/kernel/programs/head-echo-server.ts`
      const serve = async (port: number) => {
        const argv = [NODE_INSIDE, program, 'db', `${port}`]
        await waitForPort(server, port, { server: spawnIn(server, argv, { uid: APP_UID }) })
      }
      await Promise.all([
        pods.publish([headless]),
        serve(HTTP_PORT),
        serve(OTHER_HTTP_PORT),
        startGreeter(server, 'app', { uid: APP_UID, ports: [REDIRECTED_PORT, OPAQUE_PORT] }),
      ])
      dialer = startDialer(client, CLIENT_UID)
    }, 60_000)
    afterAll(() => pods?.close())

    describe.each(['ipv4', 'ipv6'] as const)('over %s', (family) => {
      const ip = (pod: SidecarPod) => pod[family] ?? ''
      const urlOf = (port: number, path: string) =>
        `http://${formatAddress({ ip: ip(server), port })}${path}`
      const headersAt = async (url: string): Promise<[string, string][]> =>
        JSON.parse(await runOk(client, ['curl', '-sS', url], { uid: CLIENT_UID })).headers
      const record = (path: string, side: string) =>
        pods.recordWhere(`${path}, ${side}`, (one) => one.path === path && one.direction === side)

      test('a request to a headless Service is known by the pod’s address, and passes both sides', async () => {
        const path = `/db/${family}`
        const headers = Object.fromEntries(await headersAt(urlOf(HTTP_PORT, path)))
        expect(headers['azds-hop']).toBe('1')
        const [out, into] = [await record(path, 'outbound'), await record(path, 'inbound')]
        const destination = formatAddress({ ip: ip(server), port: HTTP_PORT })
        expect(out).toMatchObject({ service: 'db', route: { originalDestination: destination } })
        expect(into).toMatchObject({ service: 'db', route: { originalDestination: destination } })
        // The sidecar sees the caller, though the app does not.
        const [caller] = into.client.split(/:\d+$/)
        expect(caller).toBe(formatAddress({ ip: ip(client), port: 1 }).replace(/:1$/, ''))
      })

      test('one to a port of no Service leaves as it was, and gets no more than its traceparent', async () => {
        const path = `/other/${family}`
        const names = (await headersAt(urlOf(OTHER_HTTP_PORT, path))).map(([name]) => name)
        expect(names).toEqual(['Host', 'User-Agent', 'Accept', 'traceparent'])
        const out = await record(path, 'outbound')
        expect(out).toMatchObject({ service: null, route: { reason: 'not-a-space-service' } })
      })

      test('a server that speaks first is heard; on an opaque port it sees who called', async () => {
        const opaque = await dialer.dial(ip(server), OPAQUE_PORT)
        expect(opaque).toMatchObject({ who: 'app', from: ip(client) })
        const redirected = await dialer.dial(ip(server), REDIRECTED_PORT)
        expect(redirected).toMatchObject({ who: 'app', from: ip(server) })
      })
    })
  },
  PROGRAMS,
)
