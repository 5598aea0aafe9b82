import { expect, test } from '@jest/globals'
import { type SpliceEnd, type SpliceInitial, splice } from '../../proxy/splice.ts'
import { Peer } from './http1/relay-harness.ts'
import { memoryPair, settle } from './memory-stream.ts'

function joined(initial?: SpliceInitial) {
  const [near, a] = memoryPair()
  const [b, far] = memoryPair()
  const ends: SpliceEnd[] = []
  splice(a, b, initial, (end) => ends.push(end))
  return { client: new Peer(near), server: new Peer(far), ends }
}

test('bytes go both ways, those read before first', async () => {
  const { client, server, ends } = joined({ toA: Buffer.from('12'), toB: Buffer.from('abc') })
  client.send('d')
  server.send('3')
  await settle()
  expect([client.received, server.received]).toEqual(['123', 'abcd'])
  client.stream.end()
  server.stream.end()
  await settle()
  expect(ends).toEqual([{ fromA: 4, fromB: 3, error: null, side: null }])
})

test.each(['client', 'server'] as const)(
  'a FIN of the %s leaves the other direction',
  async (side) => {
    const pair = joined()
    const other = side === 'client' ? 'server' : 'client'
    pair[side].stream.end()
    await settle()
    expect(pair[other].ended).toBe(true)
    expect(pair.ends).toEqual([])
    pair[other].send('still')
    await settle()
    expect(pair[side].received).toBe('still')
    pair[other].stream.end()
    await settle()
    expect(pair.ends).toMatchObject([{ error: null }])
    expect([pair.client.closed, pair.server.closed]).toEqual([true, true])
  },
)

test.each([
  { side: 'client', letter: 'a' },
  { side: 'server', letter: 'b' },
] as const)('an RST of the $side reaches the other side', async ({ side, letter }) => {
  const pair = joined()
  pair[side].stream.reset()
  await settle()
  const other = side === 'client' ? pair.server : pair.client
  expect(other).toMatchObject({ error: 'ECONNRESET', ended: false })
  expect(pair.ends).toMatchObject([{ side: letter, error: { code: 'ECONNRESET' } }])
})

test.each(['client', 'server'] as const)(
  'an RST after the FIN of the %s is still an RST, but no failure to report',
  async (first) => {
    const pair = joined()
    pair[first].stream.end()
    await settle()
    pair[first === 'client' ? 'server' : 'client'].stream.reset()
    await settle()
    expect(pair[first].error).toBe('ECONNRESET')
    expect(pair.ends).toMatchObject([{ error: null, side: null }])
  },
)

test('any other failure after a FIN is reported', async () => {
  const { client, server, ends } = joined()
  client.stream.end()
  await settle()
  server.stream.peer.abort('ETIMEDOUT', 'read')
  await settle()
  expect(ends).toMatchObject([{ side: 'b', error: { code: 'ETIMEDOUT' } }])
})

test('the first failure is the one that is reported', async () => {
  const { client, server, ends } = joined()
  server.stream.peer.abort('ETIMEDOUT', 'read')
  client.stream.reset()
  await settle()
  expect(ends).toMatchObject([{ side: expect.any(String), error: expect.any(Error) }])
})

test.each(['client', 'server'] as const)(
  'a %s that stops reading stops the other side',
  async (side) => {
    const pair = joined()
    const writer = side === 'client' ? pair.server : pair.client
    pair[side].stream.pause()
    let sent = 0
    for (; sent < 1000; sent++) {
      if (!writer.stream.write(Buffer.alloc(10_000))) break
      await settle(2)
    }
    expect(sent).toBeLessThan(20)
    expect(pair[side].stream.mostQueued).toBeLessThan(100_000)
    pair[side].stream.resume()
    await settle(60)
    expect(pair[side].received.length).toBe((sent + 1) * 10_000)
  },
)
