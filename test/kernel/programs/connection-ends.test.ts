/** How connections end, through two sidecars: FIN, RST and refusals arrive as what they are. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeKernel } from '../requirements.ts'
import { type Conversation, converseAll, type Step } from './conversation-steps.ts'
import { type OddServers, startOddServers } from './odd-servers.ts'
import { eventually, RECORD_TIMEOUT_MS } from './sidecar-pods.ts'
import { passedBytes } from './sidecar-state.ts'

const CLUSTER_IP = '10.96.0.90'
/** What is after a second that a client is waited for, on a machine that stands still. */
const SOON_MS = 10_000

const OPAQUE = { send: '*hi*\r\n' }
const request = (path: string) => ({ send: `GET ${path} HTTP/1.1\r\nHost: odd\r\n\r\n` })
const UNTIL_END = { untilEnd: true } as const

interface Talk {
  port: number
  /** Null where nobody listens. */
  behaviour: string | null
  steps: readonly Step[]
}

const TALKS = {
  late: {
    port: 9001,
    behaviour: 'late-talker',
    steps: [{ send: '*done*\r\n' }, { finish: true }, UNTIL_END],
  },
  reset: { port: 9002, behaviour: 'resetter', steps: [OPAQUE, UNTIL_END] },
  httpReset: { port: 9003, behaviour: 'http-resetter', steps: [request('/cut'), UNTIL_END] },
  resets: { port: 9004, behaviour: 'watcher', steps: [OPAQUE, { until: 'seen' }, { reset: true }] },
  word: { port: 9005, behaviour: 'zookeeper', steps: [{ send: 'ruok' }, UNTIL_END] },
  nobody: { port: 9097, behaviour: null, steps: [OPAQUE, UNTIL_END] },
  httpNobody: {
    port: 9098,
    behaviour: null,
    steps: [request('/'), { until: 'connect-refused: ' }],
  },
  silentNobody: { port: 9099, behaviour: null, steps: [UNTIL_END] },
} satisfies Record<string, Talk>
type Name = keyof typeof TALKS

/** How bytes that are no HTTP go on: by a copy, and as soon as possible by the kernel itself. */
const HOW = { copied: '0', 'passed by the kernel': '1' }

for (const [how, AZDS_PASS_AFTER_BYTES] of Object.entries(HOW)) {
  describeKernel(`the ends of connections, their bytes ${how}`, () => {
    let odd: OddServers
    let seen: Record<Name, Conversation>

    beforeAll(async () => {
      const talks: Talk[] = Object.values(TALKS)
      const behaviours = talks.map(({ port, behaviour }) => [port, behaviour])
      const env = { AZDS_PASS_AFTER_BYTES }
      odd = await startOddServers(CLUSTER_IP, Object.fromEntries(behaviours), { env })
      const planned = talks.map(({ port, steps }) => ({ host: CLUSTER_IP, port, steps }))
      const conversations = await converseAll(odd.client, planned)
      const named = Object.keys(TALKS).map((name, index) => [name, conversations[index]])
      seen = Object.fromEntries(named)
    })

    afterAll(() => odd?.pods.close())

    const outcomeOf = async (name: Name, direction: string) => {
      const port = `:${TALKS[name].port}`
      const { error } = await odd.pods.recordWhere(
        `${name}, ${direction}`,
        (one) => one.direction === direction && one.route.originalDestination.endsWith(port),
      )
      return error?.code ?? null
    }
    const outcomesOf = (name: Name) =>
      Promise.all(['outbound', 'inbound'].map((direction) => outcomeOf(name, direction)))

    test('a server may go on long after the client’s FIN', async () => {
      expect(seen.late).toMatchObject({ received: '1 2 3 4 5 end', ended: true, error: null })
      expect(await outcomesOf('late')).toEqual([null, null])
    })

    test('a server’s RST reaches the client as RST, after what was sent before', async () => {
      const cut = { received: 'half an ans', ended: false, error: 'ECONNRESET' }
      expect(seen.reset).toMatchObject(cut)
      expect(await outcomesOf('reset')).toEqual(['upstream-reset', 'upstream-reset'])
    })

    test('an HTTP answer that is cut off by RST ends in RST', async () => {
      expect(seen.httpReset).toMatchObject({ ended: false, error: 'ECONNRESET' })
      expect(seen.httpReset.received).toMatch(/half an ans$/)
      expect(await outcomesOf('httpReset')).toEqual(['upstream-reset', 'upstream-reset'])
    })

    test('a client’s RST reaches the server as RST', async () => {
      await eventually(
        () => odd.program.output.stdout.includes('ECONNRESET\n'),
        RECORD_TIMEOUT_MS,
        () => `the server saw ${JSON.stringify(odd.program.output.stdout)}`,
      )
      expect(odd.program.output.stdout).not.toContain('FIN')
      expect(await outcomesOf('resets')).toEqual(['client-closed', 'client-closed'])
    })

    test('a command that could be the beginning of HTTP is answered all the same', () => {
      expect(seen.word).toMatchObject({ received: 'ruok: imok', error: null })
    })

    test('where nobody listens, a client that is no HTTP client sees RST and no made-up end', async () => {
      expect(seen.nobody).toMatchObject({ received: '', ended: false, error: 'ECONNRESET' })
      expect(await outcomesOf('nobody')).toEqual(['upstream-reset', 'connect-refused'])
    })

    test('and an HTTP client is told at once, in an answer that is marked as not the app’s', () => {
      const { received, ms } = seen.httpNobody
      expect(received).toMatch(/^HTTP\/1.1 502 .*\r\nazds-proxy-error: connect-refused\r\n/s)
      expect(ms).toBeLessThan(SOON_MS)
    })

    test('nor does one that waits for the server wait for ever', () => {
      const { ms } = seen.silentNobody
      expect(seen.silentNobody).toMatchObject({ received: '', ended: false, error: 'ECONNRESET' })
      expect(ms).toBeLessThan(SOON_MS)
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
