import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { createWorld, readAll, type World } from './proxy-world.ts'

let world: World

afterEach(() => world.close())

/** Far longer than anything else takes, so that it shows whether it was waited for. */
const DELAY_MS = 600

test.each([
  { side: 'inbound', waits: false },
  { side: 'outbound', waits: true },
] as const)(
  '$side, the dial delay is waited for before a silent client: $waits',
  async ({ side, waits }) => {
    world = await createWorld({ env: { AZDS_DIAL_DELAY_MS: `${DELAY_MS}` } })
    const greeter = net.createServer((socket) => socket.end('220 ready\r\n'))
    const socket = world.connect(side, await world.serve(greeter, '127.0.10.30'))
    const start = performance.now()
    expect(await readAll(socket)).toBe('220 ready\r\n')
    const ms = performance.now() - start
    if (waits) expect(ms).toBeGreaterThan(DELAY_MS - 10)
    else expect(ms).toBeLessThan(DELAY_MS / 2)
  },
)

test('a server that has spoken first is dialled at once from then on', async () => {
  world = await createWorld({ env: { AZDS_DIAL_DELAY_MS: `${DELAY_MS}` } })
  const greeter = net.createServer((socket) => socket.end('220 ready\r\n'))
  const address = await world.serve(greeter, '127.0.10.31')
  expect(await readAll(world.connect('outbound', address))).toBe('220 ready\r\n')
  const start = performance.now()
  expect(await readAll(world.connect('outbound', address))).toBe('220 ready\r\n')
  expect(performance.now() - start).toBeLessThan(DELAY_MS / 2)
})
