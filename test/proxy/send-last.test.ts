/** Last bytes and FIN in one segment: what the peer gets, and what becomes of bytes that do not fit. */
import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { loadGetSockOpt } from '../../proxy/getsockopt.ts'
import { createRawTransport } from '../../proxy/raw-transport.ts'
import { loadSendLast, type SendLast } from '../../proxy/send-last.ts'
import { type ByteStream, DEAF } from '../../proxy/stream.ts'
import type { Transport } from '../../proxy/transport.ts'
import { listenLocal, rawBindings } from './transports.ts'

const sendLast = loadSendLast() as SendLast

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

interface Pair {
  stream: ByteStream
  fd: number
  peer: net.Socket
  /** All that the peer has read, and how that ended: `FIN` or an error's code. */
  heard: Promise<string>
}

/** A connection that a transport has accepted, and Node's own socket at its other end. */
async function pair(transport: Transport): Promise<Pair> {
  const accepted = Promise.withResolvers<{ stream: ByteStream; fd: number }>()
  const listening = await listenLocal(transport, ({ stream, fd }) => {
    accepted.resolve({ stream, fd })
  })
  const peer = net.connect({ ...listening.address, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  const heard = new Promise<string>((resolve) => {
    peer.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    peer.on('end', () => resolve(`${text}FIN`))
    peer.on('error', ({ code }: NodeJS.ErrnoException) => resolve(`${text}${code}`))
  })
  const { stream, fd } = await accepted.promise
  cleanups.push(() => {
    stream.reset()
    peer.destroy()
    listening.close()
  })
  return { stream, fd, peer, heard }
}

/** A transport whose last bytes go by these calls, or by none. */
const transportWith = (call: SendLast | null) =>
  createRawTransport(rawBindings, { loadSendLast: () => call })

test('the descriptor has taken all, the peer gets all and FIN, and the connection is open', async () => {
  const { stream, fd, peer, heard } = await pair(transportWith(null))
  const said = new Promise<string>((resolve) => {
    stream.listen({ ...DEAF, onData: (chunk) => resolve(chunk.toString()) })
  })
  expect(sendLast(fd, Buffer.from('last words'))).toBe(10)
  expect(await heard).toBe('last wordsFIN')
  peer.write('an answer')
  expect(await said).toBe('an answer')
})

test('a descriptor that is full takes a part, then nothing, and there is no FIN', async () => {
  const { stream, fd, peer, heard } = await pair(transportWith(null))
  peer.pause()
  stream.listen(DEAF)
  const block = Buffer.alloc(16 * 1_048_576, 'x')
  const first = sendLast(fd, block)
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThan(block.length)
  let taken = first
  for (let more = first; more > 0; taken += more) more = sendLast(fd, block)
  peer.resume()
  stream.write(Buffer.from('end'))
  stream.end()
  const text = await heard
  expect([text.length, text.slice(-6)]).toEqual([taken + 6, 'endFIN'])
})

test('a connection that the peer has reset is an errno, and no signal', async () => {
  const { fd, peer } = await pair(transportWith(null))
  peer.resetAndDestroy()
  await new Promise((resolve) => peer.once('close', resolve))
  const outcomes = [1, 2].map(() => sendLast(fd, Buffer.from('x')))
  for (const outcome of outcomes) expect(outcome).toBeLessThan(0)
  expect(sendLast(-1, Buffer.from('x'))).toBeLessThan(0)
})

/** `tcpi_segs_in` of Linux' `struct tcp_info`, of which nothing has moved since it is there. */
const SEGMENTS_IN_AT = 140
const IPPROTO_TCP = 6
const TCP_INFO = 11

/** Segments that have come to a socket, acknowledgements among them. */
function segmentsTo(socket: net.Socket): number {
  const info = Buffer.alloc(256)
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  expect(loadGetSockOpt()(fd, IPPROTO_TCP, TCP_INFO, info)).toBe(0)
  return info.readUInt32LE(SEGMENTS_IN_AT)
}

async function segmentsOfAnswer(call: SendLast | null): Promise<number> {
  const { stream, peer, heard } = await pair(transportWith(call))
  stream.listen(DEAF)
  stream.writeSoon(Buffer.from('an answer'))
  stream.close()
  expect(await heard).toBe('an answerFIN')
  expect(stream.bytesWritten).toBe(9)
  return segmentsTo(peer)
}

test('what is written and closed in one turn comes with FIN in one segment', async () => {
  // The peer says nothing, so that nothing of it is acknowledged, and all segments are the answer's.
  const apart = await segmentsOfAnswer(null)
  expect(await segmentsOfAnswer(sendLast)).toBe(apart - 1)
})

test('a peer of which bytes are unread has its answer before the reset', async () => {
  const { stream, peer, heard } = await pair(transportWith(sendLast))
  await new Promise((resolve) => peer.write('never read', resolve))
  stream.writeSoon(Buffer.from('an answer'))
  stream.close()
  expect(await heard).toMatch(/^an answer(FIN|ECONNRESET)$/)
})

test.each<[string, SendLast | null]>([
  ['a call that takes nothing', () => 0],
  // As if the kernel had no more room, then it has.
  ['one that takes a part', (fd, bytes) => sendPart(fd, bytes.subarray(0, 4))],
  ['one that takes everything', sendLast],
  ['no such call', null],
])('with %s, all bytes come in order, then FIN', async (_, call) => {
  const { stream, heard } = await pair(transportWith(call))
  const closed = new Promise((resolve) => stream.listen({ ...DEAF, onClose: resolve }))
  stream.write(Buffer.from('one '))
  stream.writeSoon(Buffer.from('two three'))
  stream.close()
  expect(await heard).toBe('one two threeFIN')
  expect(await closed).toBeNull()
  expect(stream.bytesWritten).toBe(13)
})

/** Sends bytes without FIN. */
function sendPart(fd: number, bytes: Buffer): number {
  const { writeSync } = process.getBuiltinModule('node:fs')
  return writeSync(fd, bytes)
}

test('where the call fails, the connection is let go all the same', async () => {
  const { stream, heard } = await pair(transportWith(() => -32))
  const closed = new Promise((resolve) => stream.listen({ ...DEAF, onClose: resolve }))
  stream.writeSoon(Buffer.from('lost'))
  stream.close()
  expect([await closed, await heard]).toEqual([null, 'FIN'])
})

test('the calls are looked for once, when a connection ends with bytes', async () => {
  let looked = 0
  const transport = createRawTransport(rawBindings, {
    loadSendLast: () => {
      looked++
      return null
    },
  })
  const silent = await pair(transport)
  silent.stream.close()
  await silent.heard
  expect(looked).toBe(0)
  for (const _ of ['one', 'two']) {
    const { stream, heard } = await pair(transport)
    stream.writeSoon(Buffer.from('x'))
    stream.close()
    await heard
  }
  expect(looked).toBe(1)
})
