/**
 * Redis replication between two pods with sidecars. A primary takes the address of each replica from its
 * connection, so it must see the replica itself, and not the sidecar in its own pod.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ENV } from '../../../core/names.ts'
import { type Place, runOk, SCRATCH_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

const PROGRAMS = { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' }
const PORT = 6379
/** A replica connects at once, and asks again after a second where it is refused. */
const LINK_MS = 20_000

const SERVER = [
  ...['redis-server', '--port', `${PORT}`, '--bind', '0.0.0.0', '--protected-mode', 'no'],
  // By default a primary waits 5 s for more replicas before it sends its data.
  ...['--save', '', '--repl-diskless-sync-delay', '0', '--dir', SCRATCH_INSIDE],
]

describeKernel(
  'redis replication through sidecars',
  () => {
    let pods: SidecarPods
    beforeAll(async () => {
      pods = await createSidecarPods()
    })
    afterAll(() => pods?.close())

    const start = async (place: Place, ...more: string[]) => {
      const server = spawnIn(place, [...SERVER, ...more], { uid: APP_UID })
      await waitForPort(place, PORT, { server })
    }
    const cli = async (place: Place, ...args: string[]) =>
      (await runOk(place, ['redis-cli', ...args], { uid: APP_UID })).trim()

    /** A primary and its replica, once they have found each other. */
    const pair = async (name: string, opaquePorts: string) => {
      const env = { [ENV.opaquePorts]: opaquePorts }
      const primary = await pods.addPod(`${name}-primary`, { env })
      const replica = await pods.addPod(`${name}-replica`, { env })
      await pods.publish([])
      await start(primary)
      await start(replica, '--replicaof', primary.ipv4, `${PORT}`)
      let said = ''
      await eventually(
        async () => {
          said = await cli(replica, 'INFO', 'replication')
          return said.includes('master_link_status:up')
        },
        LINK_MS,
        () => `the replica is not linked: ${said}`,
      )
      return { primary, replica }
    }
    /** What the primary has of its only replica: `ip`, `port`, `state` and more. */
    const replicaOf = async (primary: SidecarPod) => {
      let found: Record<string, string> = {}
      await eventually(
        async () => {
          const line = /^slave0:(.*)$/m.exec(await cli(primary, 'INFO', 'replication'))?.[1]
          found = Object.fromEntries(line?.split(',').map((item) => item.split('=')) ?? [])
          return found['state'] === 'online'
        },
        LINK_MS,
        () => `no replica is online: ${JSON.stringify(found)}`,
      )
      return found
    }

    test('on an opaque port the primary sees the address of the replica, and what is written arrives', async () => {
      const { primary, replica } = await pair('opaque', `${PORT}`)
      expect(await replicaOf(primary)).toMatchObject({ ip: replica.ipv4, port: `${PORT}` })
      expect(await cli(primary, 'SET', 'greeting', 'hello')).toBe('OK')
      await eventually(
        async () => (await cli(replica, 'GET', 'greeting')) === 'hello',
        LINK_MS,
        () => 'what was written has not arrived',
      )
      // ROLE tells where a replica takes its data from: the primary, and nobody else.
      const role = (await cli(replica, 'ROLE')).split('\n')
      expect(role.slice(0, 4)).toEqual(['slave', primary.ipv4, `${PORT}`, 'connected'])
    })

    test('the side of the caller still makes a record of what passes it', async () => {
      const [primary, replica] = await Promise.all([
        pods.addPod('one', { env: { [ENV.opaquePorts]: `${PORT}` } }),
        pods.addPod('caller'),
      ])
      await pods.publish([])
      await start(primary)
      await runOk(replica, ['redis-cli', '-h', primary.ipv4, 'PING'], { uid: APP_UID })
      const record = await pods.recordWhere('the PING', ({ pod }) => pod === 'caller')
      expect(record).toMatchObject({ direction: 'outbound', protocol: 'tcp', error: null })
      expect(pods.records().filter(({ pod }) => pod === 'one')).toEqual([])
    })

    test('without, the primary takes its replica for itself: that is what opaque ports are for', async () => {
      const { primary, replica } = await pair('redirected', '')
      const { ip } = await replicaOf(primary)
      expect(ip).not.toBe(replica.ipv4)
      expect(ip).toBe(primary.ipv4)
    })
  },
  PROGRAMS,
)
