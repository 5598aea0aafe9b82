/** What was read in a turn for a listener that passes, and is needed longer than that turn, by whoever it may be. */
import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { type ByteStream, DEAF, type StreamListener } from '../../proxy/stream.ts'
import { settle } from './memory-stream.ts'
import { listenLocal, rawTransport } from './transports.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A connection that was accepted, and a socket of Node's at its other end. */
async function connection(): Promise<{ stream: ByteStream; peer: net.Socket }> {
  const accepted = Promise.withResolvers<ByteStream>()
  const listening = await listenLocal(rawTransport, ({ stream }) => accepted.resolve(stream))
  const peer = net.connect(listening.address.port, '127.0.0.1')
  peer.on('error', () => {})
  const stream = await accepted.promise
  cleanups.push(() => {
    stream.reset()
    peer.destroy()
    listening.close()
  })
  return { stream, peer }
}

/** Both peers' bytes are there before either is read, so that one turn reads both. */
async function sendTogether(one: net.Socket, two: net.Socket, text: string): Promise<void> {
  one.write(text)
  two.write(text)
  const began = performance.now()
  while (performance.now() - began < 20);
  await settle()
}

const passer = (onData: (chunk: Buffer) => void): StreamListener => ({
  ...DEAF,
  passes: true,
  onData,
})

test('who is paused by another in the same turn is told later what came', async () => {
  const one = await connection()
  const two = await connection()
  const told: string[] = []
  const paused: ByteStream[] = []
  const stopping = (other: ByteStream) =>
    passer((chunk) => {
      told.push(chunk.toString())
      if (paused.length > 0) return
      other.pause()
      paused.push(other)
    })
  one.stream.listen(stopping(two.stream))
  two.stream.listen(stopping(one.stream))
  await sendTogether(one.peer, two.peer, 'hello')
  while (told.length === 0) await settle(1)
  await settle()
  expect(told).toEqual(['hello'])
  paused[0]?.resume()
  while (told.length < 2) await settle(1)
  expect(told).toEqual(['hello', 'hello'])
})

test('who takes over in the same turn, and does not pass, may keep what came', async () => {
  const one = await connection()
  const two = await connection()
  const kept: Buffer[] = []
  const keeper = { ...DEAF, onData: (chunk: Buffer) => kept.push(chunk) }
  const handing = (other: ByteStream) => passer(() => other.listen(keeper))
  one.stream.listen(handing(two.stream))
  two.stream.listen(handing(one.stream))
  await sendTogether(one.peer, two.peer, 'hello')
  // If they were read in two turns, the second one keeps the next.
  two.peer.write('!')
  one.peer.write('!')
  while (Buffer.concat(kept).length < 2) await settle(1)
  await settle()
  expect(Buffer.concat(kept).toString()).toMatch(/^(hello)?!*$/)
})

test('what is written to a connection to be made, beyond what is copied for it, arrives', async () => {
  const first = Buffer.alloc(65_536, 'x')
  const received = Promise.withResolvers<string>()
  const sink = await listenLocal(rawTransport, ({ stream }) => {
    cleanups.push(() => stream.reset())
    let text = ''
    stream.listen({
      ...DEAF,
      onData: (chunk) => {
        text += chunk.toString()
        if (text.length === first.length + 'hello'.length) received.resolve(text)
      },
    })
  })
  cleanups.push(() => sink.close())
  const { stream, peer } = await connection()
  stream.listen(
    passer((chunk) => {
      const to = rawTransport.dial(sink.address)
      cleanups.push(() => to.reset())
      to.listen(DEAF)
      expect(to.write(first)).toBe(false)
      expect(to.write(chunk)).toBe(false)
    }),
  )
  peer.write('hello')
  expect((await received.promise).slice(first.length)).toBe('hello')
})

test('memory of a stream is good until what was put into it is sent', async () => {
  const { stream, peer } = await connection()
  let received = ''
  peer.on('data', (part) => {
    received += part.toString()
  })
  stream.listen(DEAF)
  let expected = ''
  for (let turn = 0; turn < 20; turn++) {
    const text = `turn ${turn} `.repeat(turn * 40)
    const room = stream.room(text.length)
    room.write(text)
    stream.writeSoon(room)
    expected += text
    await settle(1)
  }
  while (received.length < expected.length) await settle(1)
  expect(received).toBe(expected)
})
