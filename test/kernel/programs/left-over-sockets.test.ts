/** However a connection ends, on either side of two sidecars, none of its sockets is left over. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { describeKernel } from '../requirements.ts'
import { converseAll, type Step } from './conversation-steps.ts'
import { type OddServers, startOddServers } from './odd-servers.ts'
import { sidecarSockets, untilSocketsAtMost } from './sidecar-state.ts'

const CLUSTER_IP = '10.96.0.91'

/**
 * How long the last socket may take, in ms: 5 s for a client that does not close after our FIN and 4 s for an
 * idle upstream in the pool, and twice as much again for a busy machine.
 */
const GONE_MS = 30_000

const GET = 'GET / HTTP/1.1\r\nHost: odd\r\n\r\n'
const PUT = `PUT / HTTP/1.1\r\nHost: odd\r\nContent-Length: ${2 ** 30}\r\n\r\n`
const H2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
/** A process that exits without a word: its sockets are closed, or reset if it has not read all. */
const LEAVE: Step[] = []

/** Each end on a port of its own: what the server does, and what the client does. */
const ENDS: [name: string, behaviour: string | null, steps: readonly Step[]][] = [
  [
    'the client’s FIN first',
    'late-talker',
    [{ send: '*x*\r\n' }, { finish: true }, { untilEnd: true }],
  ],
  ['the server’s FIN first', 'zookeeper', [{ send: 'ruok' }, { untilEnd: true }, { finish: true }]],
  ['a client that only connects', 'watcher', LEAVE],
  ['a client that only connects and waits', 'watcher', [{ pauseMs: 700 }]],
  ['a client’s RST', 'watcher', [{ send: '*x*\r\n' }, { until: 'seen' }, { reset: true }]],
  ['a client’s RST before a byte', 'watcher', [{ pauseMs: 300 }, { reset: true }]],
  ['a server’s RST', 'resetter', [{ send: '*x*\r\n' }, { untilEnd: true }]],
  [
    'the client’s FIN, then the server’s RST',
    'resetter',
    [{ send: '*x*\r\n' }, { finish: true }, { untilEnd: true }],
  ],
  [
    'a client that leaves while the server waits',
    'watcher',
    [{ send: '*x*\r\n' }, { until: 'seen' }],
  ],
  [
    'a client that stops reading and resets',
    'flood',
    [{ send: 'go\n' }, { hold: true }, { pauseMs: 500 }, { reset: true }],
  ],
  [
    'a client that leaves in the middle',
    'flood',
    [{ send: 'go\n' }, { hold: true }, { pauseMs: 300 }],
  ],
  [
    'a writer to a deaf server that resets',
    'deaf',
    [{ send: 'go\n' }, { floodMs: 500 }, { reset: true }],
  ],
  ['nobody at the port', null, [{ send: '*x*\r\n' }, { untilEnd: true }]],
  [
    'HTTP: the client’s FIN after an answer',
    'http-keep-alive',
    [{ send: GET }, { until: 'done' }, { finish: true }, { untilEnd: true }],
  ],
  [
    'HTTP: the client’s FIN with the request',
    'http-keep-alive',
    [{ send: GET }, { finish: true }, { untilEnd: true }],
  ],
  [
    'HTTP: a client’s RST after an answer',
    'http-keep-alive',
    [{ send: GET }, { until: 'done' }, { reset: true }],
  ],
  [
    'HTTP: a client that leaves after an answer',
    'http-keep-alive',
    [{ send: GET }, { until: 'done' }],
  ],
  ['HTTP: a server that ends with the answer', 'http-close', [{ send: GET }, { untilEnd: true }]],
  [
    'HTTP: a server that ends an idle connection',
    'http-idle-close',
    [{ send: GET }, { until: 'done' }, { untilEnd: true }],
  ],
  ['HTTP: a server’s RST in an answer', 'http-resetter', [{ send: GET }, { untilEnd: true }]],
  [
    'HTTP: an answer that a client stops reading',
    'http-flood',
    [{ send: GET }, { hold: true }, { pauseMs: 500 }, { reset: true }],
  ],
  [
    'HTTP: an upload that a client breaks off',
    'deaf',
    [{ send: PUT }, { floodMs: 500 }, { reset: true }],
  ],
  [
    'HTTP: an upload that a client ends too early',
    'watcher',
    [{ send: PUT }, { pauseMs: 300 }, { finish: true }, { untilEnd: true }],
  ],
  ['HTTP: nobody at the port', null, [{ send: GET }, { until: '502' }]],
  [
    'HTTP: half a head, then FIN',
    'watcher',
    [{ send: GET.slice(0, 20) }, { pauseMs: 300 }, { finish: true }, { untilEnd: true }],
  ],
  [
    'HTTP: a request that is refused',
    'watcher',
    [{ send: 'GET / HTTP/1.1\r\nHost : x\r\n\r\n' }, { untilEnd: true }],
  ],
  [
    'HTTP/2: a client that leaves after the preface',
    'watcher',
    [{ send: H2_PREFACE }, { pauseMs: 300 }],
  ],
  [
    'HTTP/2: a client’s RST after the preface',
    'watcher',
    [{ send: H2_PREFACE }, { pauseMs: 300 }, { reset: true }],
  ],
]

/** How bytes that are no HTTP go on: by a copy, and as soon as possible by the kernel itself. */
const HOW = { copied: '0', 'passed by the kernel': '1' }

interface World {
  odd: OddServers
  before: { client: number; server: number }
}

describeKernel('the sockets of connections that have ended', () => {
  const worlds = new Map<string, World>()
  const started: OddServers[] = []
  const portOf = (index: number) => 9100 + index

  /** All conversations at once, and then as long as the last socket may take. */
  async function play(AZDS_PASS_AFTER_BYTES: string): Promise<World> {
    const behaviours = ENDS.map(([, behaviour], index) => [portOf(index), behaviour] as const)
    const odd = await startOddServers(CLUSTER_IP, Object.fromEntries(behaviours), {
      env: { AZDS_PASS_AFTER_BYTES },
    })
    started.push(odd)
    const { client, server } = odd
    const before = { client: sidecarSockets(client).length, server: sidecarSockets(server).length }
    const plans = ENDS.map(([, , steps], at) => ({ host: CLUSTER_IP, port: portOf(at), steps }))
    await converseAll(client, plans)
    await odd.hear()
    await Promise.allSettled([
      untilSocketsAtMost(client, before.client + 1, GONE_MS),
      untilSocketsAtMost(server, before.server + 1, GONE_MS),
    ])
    return { odd, before }
  }

  // Both at once: what takes time is the waiting for the last sockets.
  beforeAll(async () => {
    const played = Object.entries(HOW).map(async ([how, setting]) => {
      worlds.set(how, await play(setting))
    })
    await Promise.all(played)
  }, 90_000)

  afterAll(() => Promise.all(started.map(({ pods }) => pods.close())))

  describe.each(Object.keys(HOW))('their bytes %s', (how) => {
    describe.each(['client', 'server'] as const)('in the %s’s pod', (side) => {
      test.each(ENDS.map(([name], index) => [name, portOf(index)] as const))(
        '%s leaves nothing behind',
        (_, port) => {
          const { odd } = worlds.get(how) as World
          const left = sidecarSockets(odd[side])
          expect(left.filter(({ remotePort }) => remotePort === port)).toEqual([])
        },
      )

      test('nor is there any other connection than before but one that carries trace records', () => {
        const { odd, before } = worlds.get(how) as World
        expect(sidecarSockets(odd[side]).length).toBeLessThanOrEqual(before[side] + 1)
      })
    })
  })
})
