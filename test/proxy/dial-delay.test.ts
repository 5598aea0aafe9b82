import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { Address } from '../../core/routing-table.ts'
import { createWorld, readAll, type World } from './proxy-world.ts'

let world: World

afterEach(() => world.close())

/** Far longer than anything else takes, so that it shows whether it was waited for. */
const DELAY_MS = 1000
/** Of so many, one does not meet a machine that stands still. */
const ATTEMPTS = 5

test.each([
  { side: 'inbound', waits: false },
  { side: 'outbound', waits: true },
] as const)(
  '$side, the dial delay is waited for before a silent client: $waits',
  async ({ side, waits }) => {
    world = await createWorld({ env: { AZDS_DIAL_DELAY_MS: `${DELAY_MS}` } })
    const greeter = net.createServer((socket) => socket.end('220 ready\r\n'))
    const address = await world.serve(greeter, '127.0.10.30')
    if (waits) expect(await timeOf(side, address)).toBeGreaterThan(DELAY_MS - 10)
    else expect(await fastest(side, address)).toBeLessThan(DELAY_MS / 2)
  },
)

test('a server that has spoken first is dialled at once from then on', async () => {
  world = await createWorld({ env: { AZDS_DIAL_DELAY_MS: `${DELAY_MS}` } })
  const greeter = net.createServer((socket) => socket.end('220 ready\r\n'))
  const address = await world.serve(greeter, '127.0.10.31')
  expect(await timeOf('outbound', address)).toBeGreaterThan(DELAY_MS - 10)
  expect(await fastest('outbound', address)).toBeLessThan(DELAY_MS / 2)
})

/** From the connect to the end, in ms. */
async function timeOf(side: 'inbound' | 'outbound', address: Address): Promise<number> {
  const socket = world.connect(side, address)
  const start = performance.now()
  expect(await readAll(socket)).toBe('220 ready\r\n')
  return performance.now() - start
}

async function fastest(side: 'inbound' | 'outbound', address: Address): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < ATTEMPTS; i++) times.push(await timeOf(side, address))
  return Math.min(...times)
}
