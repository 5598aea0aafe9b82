/**
 * Which connections pass the sidecar: real packets against the rules that the real proxy-init made,
 * for both families and both back-ends. `sidecar` stands for the proxy, `app` for the pod's app.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Dialer, startDialer, startGreeter } from './conversation.ts'
import {
  createPodLab,
  type LabProcess,
  NODE_INSIDE,
  type Place,
  type PodLab,
  REPO_INSIDE,
  runOk,
  spawnIn,
} from './lab.ts'
import { BACKENDS, prepare } from './proxy-init-run.ts'
import { describeKernel } from './requirements.ts'

const SIDECAR_UID = 1337
const APP_UID = 1000
const SKIPPED_UID = 2000

/** Addresses that the node has besides its own, as `[ipv4, ipv6]`. */
const SKIPPED_DESTINATION = ['10.99.0.1', 'fd00:99::1'] as const
const OTHER_DESTINATION = ['10.98.0.1', 'fd00:98::1'] as const
const SKIPPED_SOURCE = ['10.77.0.5', 'fd00:77::5'] as const

const ENV = {
  // Fifteen ports fill one multiport rule, as the well-known ones do; the range stands in the next.
  AZDS_OPAQUE_PORTS:
    '25,587,1433,1521,2181,3307,4222,5432,5672,6380,9300,11211,16379,26379,27017,7000-7002',
  // Seven ranges and a port fill one multiport rule, so that 8000-8010 stands in the next.
  AZDS_SKIP_INBOUND_PORTS: '1-2,3-4,5-6,7-8,9-10,11-12,13-14,3306,8000-8010',
  AZDS_SKIP_OUTBOUND_PORTS: '6379,8500-8600',
  AZDS_SKIP_INBOUND_CIDRS: '10.77.0.0/16,fd00:77::/32',
  AZDS_SKIP_OUTBOUND_CIDRS: 'fd00:99::/32,10.99.0.0/16',
  AZDS_SKIP_OUTBOUND_UIDS: `${SKIPPED_UID}`,
}

type From = 'node' | 'peer' | 'skipped source' | 'app' | 'root' | 'sidecar' | 'skipped uid'
type To = 'pod' | 'peer' | 'loopback' | 'skipped destination' | 'other destination'
type Arrival =
  | 'inbound'
  | 'outbound'
  | 'direct to app'
  | 'direct to peer'
  | 'direct to node'
  | 'direct to sidecar'

const ROWS: [From, To, number, Arrival][] = [
  ['node', 'pod', 8080, 'inbound'],
  ['peer', 'pod', 8080, 'inbound'],
  ['node', 'pod', 8081, 'inbound'], // nothing of the app listens there
  ['node', 'pod', 3306, 'direct to app'],
  ['node', 'pod', 1433, 'direct to app'],
  ['peer', 'pod', 27017, 'direct to app'],
  ['peer', 'pod', 7000, 'direct to app'],
  ['peer', 'pod', 7002, 'direct to app'],
  ['peer', 'pod', 7003, 'inbound'],
  ['node', 'pod', 8000, 'direct to app'],
  ['node', 'pod', 8010, 'direct to app'],
  ['node', 'pod', 7999, 'inbound'],
  ['node', 'pod', 8011, 'inbound'],
  ['skipped source', 'pod', 8080, 'direct to app'],
  ['node', 'pod', 15020, 'direct to sidecar'],
  ['node', 'pod', 15001, 'direct to sidecar'],
  ['node', 'pod', 15006, 'direct to sidecar'],
  ['app', 'peer', 80, 'outbound'],
  ['app', 'peer', 81, 'outbound'], // nothing listens there
  ['app', 'other destination', 80, 'outbound'],
  ['root', 'peer', 80, 'outbound'],
  ['app', 'peer', 8080, 'outbound'], // the app's own port, on another pod
  ['app', 'peer', 3306, 'outbound'], // skipped for the other direction only
  ['app', 'peer', 7001, 'outbound'], // opaque is a matter of the pod that listens
  ['app', 'peer', 6379, 'direct to peer'],
  ['app', 'peer', 8500, 'direct to peer'],
  ['app', 'peer', 8600, 'direct to peer'],
  ['app', 'peer', 8601, 'outbound'],
  ['app', 'skipped destination', 80, 'direct to node'],
  ['skipped uid', 'peer', 80, 'direct to peer'],
  ['sidecar', 'peer', 80, 'direct to peer'],
  ['sidecar', 'pod', 8080, 'direct to app'],
  ['sidecar', 'loopback', 8080, 'direct to app'],
  ['app', 'loopback', 8080, 'direct to app'],
  ['app', 'pod', 8080, 'direct to app'],
  ['app', 'loopback', 15020, 'direct to sidecar'],
  ['root', 'loopback', 8080, 'direct to app'],
]

const FAMILIES = ['ipv4', 'ipv6'] as const
type Family = (typeof FAMILIES)[number]

describeKernel('interception', () => {
  describe.each(BACKENDS)('with the %s back-end', (backend) => {
    let lab: PodLab
    let pod: Place
    let peer: Place
    let dialers: Record<From, Dialer>

    beforeAll(async () => {
      lab = await createPodLab()
      pod = await lab.addPod('pod')
      peer = await lab.addPod('peer')
      for (const address of [SKIPPED_DESTINATION, OTHER_DESTINATION, SKIPPED_SOURCE].flat()) {
        await runOk(lab.node, ['ip', 'addr', 'add', address, 'dev', 'lo'])
      }
      await prepare(pod, { ...ENV, AZDS_IPTABLES_BACKEND: backend })
      const node = startDialer(lab.node, 0)
      dialers = {
        node,
        'skipped source': node,
        peer: startDialer(peer, 0),
        app: startDialer(pod, APP_UID),
        root: startDialer(pod, 0),
        sidecar: startDialer(pod, SIDECAR_UID),
        'skipped uid': startDialer(pod, SKIPPED_UID),
      }
      const appPorts = [1433, 3306, 7000, 7002, 7003, 7999, 8000, 8010, 8011, 8080, 27017]
      const peerPorts = [80, 3306, 6379, 7001, 8080, 8500, 8600, 8601]
      await Promise.all([
        startGreeter(pod, 'sidecar', { uid: SIDECAR_UID, ports: [15001, 15006, 15020] }),
        startGreeter(pod, 'app', { uid: APP_UID, ports: appPorts }),
        startGreeter(peer, 'peer', { uid: 0, ports: peerPorts }),
        startGreeter(lab.node, 'node', { uid: 0, ports: [80] }),
      ])
    }, 60_000)

    afterAll(() => lab?.close())

    const addressOf = (to: To, family: Family): string => {
      const index = FAMILIES.indexOf(family)
      const addresses: Record<To, readonly (string | null | undefined)[]> = {
        pod: [pod.ipv4, pod.ipv6],
        peer: [peer.ipv4, peer.ipv6],
        loopback: ['127.0.0.1', '::1'],
        'skipped destination': SKIPPED_DESTINATION,
        'other destination': OTHER_DESTINATION,
      }
      return addresses[to][index] as string
    }

    describe.each(FAMILIES)('over %s', (family) => {
      test.each(ROWS)('%s → %s:%d arrives: %s', async (from, to, port, arrival) => {
        const host = addressOf(to, family)
        const source = SKIPPED_SOURCE[FAMILIES.indexOf(family)]
        const greeting = await dialers[from].dial(
          host,
          port,
          from === 'skipped source' ? source : undefined,
        )
        if (arrival === 'inbound' || arrival === 'outbound') {
          const sidecarPort = arrival === 'inbound' ? 15006 : 15001
          const to = `${host} ${port}`
          expect(greeting).toMatchObject({ who: 'sidecar', port: sidecarPort, to })
          return
        }
        const who = arrival.replace('direct to ', '')
        expect(greeting).toMatchObject({ who, port })
        // Conntrack knows connections that nobody redirected, too: then both ends are the same.
        expect(['direct', `${host} ${port}`]).toContain(greeting.to)
      })

      test('an app that is reached directly sees its client’s own address', async () => {
        const { from } = await dialers.peer.dial(addressOf('pod', family), 7002)
        expect(from).toBe(addressOf('peer', family))
      })

      test('UDP passes untouched either way, also where a port of that number is redirected', async () => {
        const argv = [NODE_INSIDE, `${REPO_INSIDE}/test/kernel/udp-echo.ts`, '8080']
        const [own, other] = [addressOf('pod', family), addressOf('peer', family)]
        const servers = [
          spawnIn(pod, argv, { uid: APP_UID }),
          spawnIn(peer, argv, { uid: APP_UID }),
        ]
        await Promise.all(servers.map(ready))
        const ask = (place: Place, host: string) =>
          runOk(place, [...argv, host, 'hello'], { uid: APP_UID })
        expect(await ask(peer, own)).toBe(`hello from ${other}\n`)
        expect(await ask(pod, other)).toBe(`hello from ${own}\n`)
        await Promise.all(servers.map((server) => server.stop()))
      })
    })
  })
})

/** Resolves once the program has said its first line. */
function ready({ child }: LabProcess): Promise<void> {
  return new Promise((resolve) => child.stdout.once('data', () => resolve()))
}
