import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { expect, test } from '@jest/globals'
import type { RawBindings } from '../../proxy/raw-bindings.ts'
import { createRawTransport } from '../../proxy/raw-transport.ts'
import { listenLocal, rawBindings } from './transports.ts'

/** How many sockets of 127.0.0.1 listen on a port, as Linux tells. */
async function socketsOf(port: number): Promise<number> {
  const table = await readFile('/proc/self/net/tcp', 'utf8')
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const LISTEN = '0A'
  return table.split('\n').filter((line) => {
    const [, address, , state] = line.trim().split(/\s+/)
    return address === local && state === LISTEN
  }).length
}

/** As on a kernel that knows the flag by name alone. */
class NotShared extends rawBindings.Tcp {
  override bind(ip: string, port: number, flags: number): number {
    const ENOTSUP = -95
    return flags === 0 ? super.bind(ip, port, 0) : ENOTSUP
  }
}

test.each<[string, RawBindings, number]>([
  ['some sockets share a port', rawBindings, 4],
  ['a Node that cannot share has one', { ...rawBindings, reusePort: 0 }, 1],
  ['a kernel that cannot share has one', { ...rawBindings, Tcp: NotShared }, 1],
])('%s, and all connections to it are served', async (_, bindings, sockets) => {
  const CLIENTS = 40
  const greeted: Promise<string>[] = []
  const listening = await listenLocal(createRawTransport(bindings), ({ stream }) => {
    stream.listen({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} })
    stream.write(Buffer.from('hello'))
    stream.close()
  })
  const { port } = listening.address
  expect(await socketsOf(port)).toBe(sockets)
  for (let i = 0; i < CLIENTS; i++) {
    const client = net.connect(port, '127.0.0.1')
    greeted.push(new Promise((resolve) => client.once('data', (data) => resolve(`${data}`))))
    client.on('end', () => client.destroy())
  }
  expect(new Set(await Promise.all(greeted))).toEqual(new Set(['hello']))
  listening.close()
  expect(await socketsOf(port)).toBe(0)
})

test('a port that is shared by the sockets of one proxy is taken for another', async () => {
  const one = await listenLocal(createRawTransport(rawBindings), () => {})
  const { port } = one.address
  const other = createRawTransport(rawBindings).listen({
    port,
    host: '127.0.0.1',
    onAccept: () => {},
    onAcceptError: () => {},
  })
  await expect(other).rejects.toMatchObject({ code: 'EADDRINUSE' })
  one.close()
})
