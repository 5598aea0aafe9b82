/** Redis through two sidecars: a protocol whose inline commands begin like HTTP request lines. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Place, runOk, SCRATCH_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { converse } from './conversation-steps.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  RECORD_TIMEOUT_MS,
  type SidecarPods,
} from './sidecar-pods.ts'

const PROGRAMS = { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' }
const CLUSTER_IP = '10.96.0.10'
const PORT = 6379
/** Uid of the client, so that nothing about it equals the server's. */
const CLIENT = { uid: 1001 }

describeKernel(
  'redis through two sidecars',
  () => {
    let pods: SidecarPods
    let client: Place
    let server: Place

    beforeAll(async () => {
      pods = await createSidecarPods()
      client = await pods.addPod('client')
      server = await pods.addPod('redis')
      const ports = [{ port: PORT, targetPort: PORT }]
      const service = { space: 'dev', name: 'redis', clusterIp: CLUSTER_IP, ports, pod: server }
      const options = ['--protected-mode', 'no', '--save', '', '--dir', SCRATCH_INSIDE]
      const redis = spawnIn(server, ['redis-server', '--port', `${PORT}`, ...options], {
        uid: APP_UID,
      })
      await Promise.all([pods.publish([service]), waitForPort(server, PORT, { server: redis })])
    })

    afterAll(() => pods?.close())

    const cli = (...args: string[]) =>
      runOk(client, ['redis-cli', '-h', CLUSTER_IP, ...args], CLIENT)
    const shell = (script: string) =>
      runOk(client, ['sh', '-ec', script], { ...CLIENT, cwd: SCRATCH_INSIDE })

    test('PING is answered', async () => {
      expect(await cli('PING')).toBe('PONG\n')
    })

    test('a binary value of 1 MB comes back as it was', async () => {
      const [sent, back] = (
        await shell(`
          head -c 1048576 /dev/urandom > value
          redis-cli -h ${CLUSTER_IP} -x SET blob < value >&2
          sha256sum < value
          redis-cli -h ${CLUSTER_IP} --raw GET blob | head -c 1048576 | sha256sum`)
      ).split('\n')
      expect(back).toBe(sent)
      expect(await cli('STRLEN', 'blob')).toBe('1048576\n')
    })

    test('10 000 commands in one pipeline are all answered', async () => {
      const said = await shell(
        `seq 10000 | sed 's/.*/SET key:& value:&/' | redis-cli -h ${CLUSTER_IP} --pipe`,
      )
      expect(said).toContain('errors: 0, replies: 10000')
      expect(await cli('GET', 'key:9999')).toBe('value:9999\n')
    })

    test('a client that blocks in BLPOP is woken by another', async () => {
      const waiting = spawnIn(
        client,
        ['redis-cli', '-h', CLUSTER_IP, 'BLPOP', 'jobs', '30'],
        CLIENT,
      )
      await eventually(
        async () => (await cli('CLIENT', 'LIST')).includes('cmd=blpop'),
        RECORD_TIMEOUT_MS,
        () => 'no BLPOP',
      )
      await cli('RPUSH', 'jobs', 'first')
      expect(await waiting.ended).toBe(0)
      expect(waiting.output.stdout).toBe('jobs\nfirst\n')
    })

    test('a subscriber hears what is published after a pause', async () => {
      const subscriber = spawnIn(
        client,
        ['redis-cli', '-h', CLUSTER_IP, 'SUBSCRIBE', 'news'],
        CLIENT,
      )
      await eventually(
        () => subscriber.output.stdout.includes('subscribe'),
        RECORD_TIMEOUT_MS,
        () => 'not subscribed',
      )
      await cli('PUBLISH', 'news', 'hello')
      await eventually(
        () => subscriber.output.stdout.includes('hello'),
        RECORD_TIMEOUT_MS,
        () => 'nothing heard',
      )
      await subscriber.stop()
      expect(subscriber.output.stdout).toBe('subscribe\nnews\n1\nmessage\nnews\nhello\n')
    })

    test('an inline GET, which begins like HTTP, passes; both sides record each byte', async () => {
      await cli('SET', 'greeting', 'hello')
      const { received, ended } = await converse(client, { host: CLUSTER_IP, port: PORT }, [
        { send: 'GET gree' },
        { pauseMs: 50 },
        { send: 'ting\r\n' },
        { until: 'hello\r\n' },
        { send: 'QUIT\r\n' },
        { untilEnd: true },
      ])
      expect({ received, ended }).toEqual({ received: '$5\r\nhello\r\n+OK\r\n', ended: true })
      const sizes = { requestBytes: 20, responseBytes: 16 }
      const passed = { protocol: 'tcp', service: 'redis', status: null, error: null, ...sizes }
      for (const [pod, direction] of [
        ['client', 'outbound'],
        ['redis', 'inbound'],
      ]) {
        const record = await pods.recordWhere(
          `the inline GET, ${direction}`,
          (each) => each.direction === direction && each.requestBytes === sizes.requestBytes,
        )
        expect(record).toMatchObject({ pod, ...passed, route: { reason: 'not-http' } })
      }
    })

    test('every connection was recorded by both sides with the same sizes', async () => {
      const sizesOf = (direction: string) =>
        pods
          .records()
          .filter((record) => record.direction === direction)
          .map(
            ({ protocol, requestBytes, responseBytes }) =>
              `${protocol} ${requestBytes} ${responseBytes}`,
          )
          .sort()
      const both = () => [sizesOf('inbound'), sizesOf('outbound')].map((sizes) => sizes.join(', '))
      await eventually(
        () => sizesOf('inbound').length > 10 && both()[0] === both()[1],
        RECORD_TIMEOUT_MS,
        () => `they are not the same: ${both().join(' and ')}`,
      )
      expect(sizesOf('inbound').filter((size) => !size.startsWith('tcp '))).toEqual([])
    })
  },
  PROGRAMS,
)
