/**
 * Connections that a pod makes to itself: by loopback and by its own address they never meet the sidecar;
 * by its own Service they leave the pod and come back, as they would without one.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ENV } from '../../../core/names.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { type Dialer, type Greeting, startDialer, startGreeter } from '../conversation.ts'
import { NODE_INSIDE, type Place, REPO_INSIDE, runOk, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { APP_UID, createSidecarPods, type SidecarPod, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = { curl: 'curl' }
const CLUSTER_IP = '10.96.0.60'
/** Where a pod without a sidecar has its Service. */
const BARE_CLUSTER_IP = '10.96.0.61'
const HTTP_PORT = 8080
const REDIRECTED_PORT = 7001
const OPAQUE_PORT = 7002
const CLIENT_UID = 1001
/**
 * Where the kernel has br_netfilter, it hands a connection to a Service over at the bridge, and the bridge
 * sends nothing back to where it came from.
 */
const ROUTE_BACK =
  'for file in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e "$file" ] || echo 0 > "$file"; done'

describeKernel(
  'a pod that calls itself',
  () => {
    let pods: SidecarPods
    let own: SidecarPod
    let bare: Place
    let dialer: Dialer
    let bareDialer: Dialer

    beforeAll(async () => {
      pods = await createSidecarPods()
      await runOk(pods.lab.node, ['sh', '-c', ROUTE_BACK])
      own = await pods.addPod('own', { env: { [ENV.opaquePorts]: `${OPAQUE_PORT}` } })
      bare = await pods.lab.addPod('bare')
      const ports = [HTTP_PORT, REDIRECTED_PORT, OPAQUE_PORT].map((port) => ({
        port,
        targetPort: port,
      }))
      const shared = { space: 'dev', ports }
      const program = `${REPO_INSIDE}/test/kernel/programs/head-echo-server.ts`
      const server = spawnIn(own, [NODE_INSIDE, program, 'own', `${HTTP_PORT}`], { uid: APP_UID })
      const greeting = { uid: APP_UID, ports: [REDIRECTED_PORT, OPAQUE_PORT] }
      await Promise.all([
        pods.publish([
          { ...shared, name: 'own', clusterIp: CLUSTER_IP, pod: own },
          { ...shared, name: 'bare', clusterIp: BARE_CLUSTER_IP, pod: bare },
        ]),
        waitForPort(own, HTTP_PORT, { server }),
        startGreeter(own, 'app', greeting),
        startGreeter(bare, 'app', greeting),
      ])
      dialer = startDialer(own, CLIENT_UID)
      bareDialer = startDialer(bare, CLIENT_UID)
    }, 60_000)
    afterAll(() => pods?.close())

    /** The records so far of connections to a port of the Service or the pod. */
    const recordsOf = (port: number) => pods.records().filter(isTo(port))
    const from = ({ from, error }: Greeting) => error ?? from

    describe.each([
      ['a redirected port', REDIRECTED_PORT],
      ['an opaque port', OPAQUE_PORT],
    ])('on %s', (_, port) => {
      test('by loopback and by its own addresses it is reached as if there were no sidecar', async () => {
        const hosts = ['127.0.0.1', own.ipv4, '::1', own.ipv6 ?? '']
        for (const host of hosts) expect(from(await dialer.dial(host, port))).toBe(host)
        const bareHosts = ['127.0.0.1', bare.ipv4, '::1', bare.ipv6 ?? '']
        for (const host of bareHosts) expect(from(await bareDialer.dial(host, port))).toBe(host)
        expect(recordsOf(port)).toEqual([])
      })
    })

    test('by its own Service it sees the node, as without a sidecar, on an opaque port', async () => {
      const { ipv4: node } = pods.lab.node
      expect(from(await bareDialer.dial(BARE_CLUSTER_IP, OPAQUE_PORT))).toBe(node)
      expect(from(await dialer.dial(CLUSTER_IP, OPAQUE_PORT))).toBe(node)
      const record = await pods.recordWhere('the call', isTo(OPAQUE_PORT))
      expect(record).toMatchObject({ direction: 'outbound', protocol: 'tcp', service: 'own' })
    })

    test('by its own Service it sees its own address on a redirected port, and both sides record it', async () => {
      expect(from(await dialer.dial(CLUSTER_IP, REDIRECTED_PORT))).toBe(own.ipv4)
      for (const side of ['inbound', 'outbound']) {
        await pods.recordWhere(
          side,
          (record) => record.direction === side && isTo(REDIRECTED_PORT)(record),
        )
      }
      expect(recordsOf(REDIRECTED_PORT)).toHaveLength(2)
    })

    test('an HTTP request to its own Service passes both its sides, each counted once', async () => {
      const url = `http://${CLUSTER_IP}:${HTTP_PORT}/me`
      const answer = JSON.parse(await runOk(own, ['curl', '-sS', url], { uid: CLIENT_UID }))
      expect(answer).toMatchObject({ name: 'own', requestLine: 'GET /me HTTP/1.1' })
      const headers = Object.fromEntries(answer.headers)
      expect(headers['azds-hop']).toBe('1')
      const [outbound, inbound] = await Promise.all(
        ['outbound', 'inbound'].map((side) =>
          pods.recordWhere(
            `/me, ${side}`,
            ({ direction, path }) => direction === side && path === '/me',
          ),
        ),
      )
      expect(outbound).toMatchObject({ service: 'own', status: 200 })
      expect(inbound).toMatchObject({ service: 'own', status: 200, route: { reason: 'delivered' } })
      expect(inbound?.parentSpanId).toBe(outbound?.spanId)
    })

    test('an HTTP request to its own address meets no sidecar, and not a byte is changed', async () => {
      for (const host of ['127.0.0.1', own.ipv4, '[::1]', `[${own.ipv6}]`]) {
        const url = `http://${host}:${HTTP_PORT}/direct`
        const answer = JSON.parse(await runOk(own, ['curl', '-sS', url], { uid: CLIENT_UID }))
        const names = answer.headers.map(([name]: [string]) => name)
        expect(names).toEqual(['Host', 'User-Agent', 'Accept'])
      }
      expect(pods.records().filter(({ path }) => path === '/direct')).toEqual([])
    })
  },
  PROGRAMS,
)

function isTo(port: number): (record: TraceRecord) => boolean {
  return ({ route }) => route.originalDestination.endsWith(`:${port}`)
}
