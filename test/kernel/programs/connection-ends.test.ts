/** How connections end, through two sidecars: FIN, RST and refusals arrive as what they are. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeKernel } from '../requirements.ts'
import { converse } from './conversation-steps.ts'
import { type OddServers, startOddServers } from './odd-servers.ts'
import { eventually } from './sidecar-pods.ts'
import { passedBytes } from './sidecar-state.ts'

const CLUSTER_IP = '10.96.0.90'
const PORT = {
  lateTalker: 9001,
  resetter: 9002,
  httpResetter: 9003,
  watcher: 9004,
  zookeeper: 9005,
}
const NOBODY = 9099

/** How bytes that are no HTTP go on: by a copy, and as soon as possible by the kernel itself. */
const HOW = { copied: '0', 'passed by the kernel': '1' }

for (const [how, AZDS_PASS_AFTER_BYTES] of Object.entries(HOW)) {
  describeKernel(`the ends of connections, their bytes ${how}`, () => {
    let odd: OddServers

    beforeAll(async () => {
      const { lateTalker, resetter, httpResetter, watcher, zookeeper } = PORT
      odd = await startOddServers(
        CLUSTER_IP,
        {
          [lateTalker]: 'late-talker',
          [resetter]: 'resetter',
          [httpResetter]: 'http-resetter',
          [watcher]: 'watcher',
          [zookeeper]: 'zookeeper',
          [NOBODY]: null,
        },
        { env: { AZDS_PASS_AFTER_BYTES } },
      )
    })

    afterAll(() => odd?.pods.close())

    const recordOf = (port: number, direction: string) =>
      odd.pods.recordWhere(
        `port ${port}, ${direction}`,
        (record) =>
          record.direction === direction && record.route.originalDestination.endsWith(`:${port}`),
      )
    const outcomesOf = async (port: number) => {
      const sides = await Promise.all(['outbound', 'inbound'].map((side) => recordOf(port, side)))
      return sides.map(({ error }) => error?.code ?? null)
    }
    const talkTo = (port: number, steps: Parameters<typeof converse>[2]) =>
      converse(odd.client, { host: CLUSTER_IP, port }, steps)

    test('a server may go on long after the client’s FIN', async () => {
      const seen = await talkTo(PORT.lateTalker, [
        { send: '*done*\r\n' },
        { finish: true },
        { untilEnd: true },
      ])
      expect(seen).toMatchObject({ received: '1 2 3 4 5 end', ended: true, error: null })
      expect(await outcomesOf(PORT.lateTalker)).toEqual([null, null])
    })

    test('a server’s RST reaches the client as RST, after what was sent before', async () => {
      const seen = await talkTo(PORT.resetter, [{ send: '*go*\r\n' }, { untilEnd: true }])
      expect(seen).toMatchObject({ received: 'half an ans', ended: false, error: 'ECONNRESET' })
      expect(await outcomesOf(PORT.resetter)).toEqual(['upstream-reset', 'upstream-reset'])
    })

    test('an HTTP answer that is cut off by RST ends in RST', async () => {
      const request = 'GET /cut HTTP/1.1\r\nHost: odd\r\n\r\n'
      const seen = await talkTo(PORT.httpResetter, [{ send: request }, { untilEnd: true }])
      expect(seen).toMatchObject({ ended: false, error: 'ECONNRESET' })
      expect(seen.received).toMatch(/half an ans$/)
      expect(await outcomesOf(PORT.httpResetter)).toEqual(['upstream-reset', 'upstream-reset'])
    })

    test('a client’s RST reaches the server as RST', async () => {
      await talkTo(PORT.watcher, [{ send: '*hi*\r\n' }, { until: 'seen' }, { reset: true }])
      await eventually(
        () => odd.program.output.stdout.includes('ECONNRESET\n'),
        5000,
        () => `the server saw ${JSON.stringify(odd.program.output.stdout)}`,
      )
      expect(odd.program.output.stdout).not.toContain('FIN')
      expect(await outcomesOf(PORT.watcher)).toEqual(['client-closed', 'client-closed'])
    })

    test('a command that could be the beginning of HTTP is answered all the same', async () => {
      const seen = await talkTo(PORT.zookeeper, [{ send: 'ruok' }, { untilEnd: true }])
      expect(seen).toMatchObject({ received: 'ruok: imok', error: null })
    })

    test('where nobody listens, a client that is no HTTP client sees RST and no made-up end', async () => {
      const seen = await talkTo(NOBODY, [{ send: '*hi*\r\n' }, { untilEnd: true }])
      expect(seen).toMatchObject({ received: '', ended: false, error: 'ECONNRESET' })
      expect(await outcomesOf(NOBODY)).toEqual(['upstream-reset', 'connect-refused'])
    })

    test('and an HTTP client is told at once, in an answer that is marked as not the app’s', async () => {
      const request = 'GET / HTTP/1.1\r\nHost: odd\r\n\r\n'
      const seen = await talkTo(NOBODY, [{ send: request }, { until: 'connect-refused: ' }])
      expect(seen.received).toMatch(/^HTTP\/1.1 502 .*\r\nazds-proxy-error: connect-refused\r\n/s)
      expect(seen.ms).toBeLessThan(3000)
    })

    test('nor does one that waits for the server wait for ever', async () => {
      const seen = await talkTo(NOBODY, [{ untilEnd: true }])
      expect(seen).toMatchObject({ received: '', ended: false, error: 'ECONNRESET' })
      expect(seen.ms).toBeLessThan(3000)
    })

    test('and that is how their bytes went', async () => {
      const passed = await Promise.all([odd.client, odd.server].map(passedBytes))
      for (const bytes of passed) {
        if (how === 'copied') expect(bytes).toBe(0)
        else expect(bytes).toBeGreaterThan(0)
      }
    })
  })
}
