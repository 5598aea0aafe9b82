/** Requests of a space reach its version while it is ready, by the tables of real sidecars. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { NODE_INSIDE, type Place, REPO_INSIDE, runOk, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import type { Echo } from './head-echo-server.ts'
import type { TestService } from './service-addresses.ts'
import { APP_UID, createSidecarPods, type SidecarPod, type SidecarPods } from './sidecar-pods.ts'

const PROGRAMS = { curl: 'curl' }
const PORT = 8080
const ROOT_IP = '10.96.0.100'
const CHILD_IP = '10.96.0.101'

describeKernel(
  'routing between two versions of a service',
  () => {
    let pods: SidecarPods
    let client: SidecarPod
    /** In the child space. */
    let mine: SidecarPod
    /** Has no sidecar. */
    let plain: Place
    let services: { root: TestService; child: TestService }
    let count = 0

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      mine = await pods.addPod('client-of-alice', { space: 'alice' })
      plain = await pods.lab.addPod('plain')
      const root = await addVersion('orders-dev', 'dev')
      const child = await addVersion('orders-alice', 'alice')
      const ports = [{ port: 80, targetPort: PORT }]
      services = {
        root: { space: 'dev', name: 'orders', clusterIp: ROOT_IP, ports, pod: root },
        child: { space: 'alice', name: 'orders', clusterIp: CHILD_IP, ports, pod: child },
      }
    })

    afterAll(() => pods?.close())

    async function addVersion(name: string, space: string): Promise<SidecarPod> {
      const pod = await pods.addPod(name, { space })
      const argv = [
        NODE_INSIDE,
        `${REPO_INSIDE}/test/kernel/programs/head-echo-server.ts`,
        name,
        `${PORT}`,
      ]
      const server = spawnIn(pod, argv, { uid: APP_UID })
      await waitForPort(pod, PORT, { server })
      return pod
    }

    /** Asks for a path of its own, so that the records can be told apart. */
    async function ask(from: Place, to: string, headers: string[] = []) {
      const path = `/order/${++count}`
      const flags = headers.flatMap((header) => ['-H', header])
      const url = `http://orders${path}`
      const argv = ['curl', '-sS', '--connect-to', `::${to}:`, ...flags, url]
      const echo: Echo = JSON.parse(await runOk(from, argv, { uid: 1001 }))
      const sent = Object.fromEntries(echo.headers)
      const route = async (pod: string, direction: string) =>
        (
          await pods.recordWhere(
            `${path} of ${pod}, ${direction}`,
            (each) => each.path === path && each.pod === pod && each.direction === direction,
          )
        ).route
      return { name: echo.name, sent, route }
    }

    const ALICE = 'azds-route-as: alice'

    test('a request without a space stays where it was meant to go', async () => {
      await pods.publish([services.root, services.child])
      const { name, sent, route } = await ask(client, ROOT_IP)
      expect(name).toBe('orders-dev')
      expect(sent['azds-route-as']).toBeUndefined()
      expect(await route('client', 'outbound')).toMatchObject({ reason: 'no-context' })
    })

    test('a request that names the child space reaches the child’s version', async () => {
      const { name, sent, route } = await ask(client, ROOT_IP, [ALICE])
      expect(name).toBe('orders-alice')
      expect(sent).toMatchObject({ 'azds-route-as': 'alice', 'azds-hop': '1' })
      expect(await route('client', 'outbound')).toMatchObject({
        reason: 'child',
        context: 'alice',
        contextSource: 'header',
        target: `${CHILD_IP}:80`,
        originalDestination: `${ROOT_IP}:80`,
      })
      expect(await route('orders-alice', 'inbound')).toMatchObject({ reason: 'delivered' })
    })

    test('requests on one connection go to a version each', async () => {
      const argv = ['curl', '-sS', '-w', '%{num_connects}\n', '--connect-to', `::${ROOT_IP}:`]
      const said = await runOk(
        client,
        [...argv, 'http://orders/a', '--next', ...argv.slice(1), '-H', ALICE, 'http://orders/b'],
        { uid: 1001 },
      )
      expect(said.match(/"name":"[^"]+"/g)).toEqual([
        '"name":"orders-dev"',
        '"name":"orders-alice"',
      ])
      expect(said.match(/\}(\d)$/gm)).toEqual(['}1', '}0'])
    })

    test('what a pod of the child space sends belongs to it', async () => {
      const { name, sent, route } = await ask(mine, ROOT_IP)
      expect(name).toBe('orders-alice')
      expect(sent['azds-route-as']).toBe('alice')
      expect(await route(mine.name, 'outbound')).toMatchObject({ contextSource: 'origin' })
    })

    test('a caller without a sidecar is led on by the sidecar that it reaches', async () => {
      const { name, sent, route } = await ask(plain, ROOT_IP, [ALICE])
      expect(name).toBe('orders-alice')
      expect(sent['azds-hop']).toBe('1')
      expect(await route('orders-dev', 'inbound')).toMatchObject({ reason: 'child' })
      expect(await route('orders-alice', 'inbound')).toMatchObject({ reason: 'delivered' })
    })

    test('a version that is not ready gives way to the parent’s, at the next request', async () => {
      await pods.publish([services.root, { ...services.child, pod: null }])
      const { name, sent, route } = await ask(client, ROOT_IP, [ALICE])
      expect(name).toBe('orders-dev')
      expect(sent['azds-route-as']).toBe('alice')
      expect(await route('client', 'outbound')).toMatchObject({
        reason: 'fallback-not-ready',
        tried: [
          { space: 'alice', outcome: 'not-ready' },
          { space: 'dev', outcome: 'chosen' },
        ],
      })
    })

    test('so does one that is gone, and one that comes back is used again', async () => {
      await pods.publish([services.root])
      const gone = await ask(client, ROOT_IP, [ALICE])
      expect(gone.name).toBe('orders-dev')
      expect(await gone.route('client', 'outbound')).toMatchObject({ reason: 'fallback-absent' })
      await pods.publish([services.root, services.child])
      expect((await ask(client, ROOT_IP, [ALICE])).name).toBe('orders-alice')
    })

    test('a space of no tree changes nothing', async () => {
      const { name, sent, route } = await ask(client, ROOT_IP, ['azds-route-as: stranger'])
      expect(name).toBe('orders-dev')
      expect(sent['azds-route-as']).toBe('stranger')
      expect(await route('client', 'outbound')).toMatchObject({ reason: 'other-tree' })
    })
  },
  PROGRAMS,
)
