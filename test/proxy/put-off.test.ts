import { stat } from 'node:fs/promises'
import net from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'
import { DEAF } from '../../proxy/stream.ts'
import { settle } from './memory-stream.ts'
import { listenLocal, TRANSPORTS } from './transports.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** Notes what a stream says, and waits for it to have said something. */
class Notes implements StreamListener {
  readonly said: string[] = []
  readonly #then: (event: string) => void
  #seen: (() => void) | null = null

  constructor(then: (event: string) => void = () => {}) {
    this.#then = then
  }

  onData(chunk: Buffer): void {
    this.#say(chunk.toString('latin1'))
  }
  onEnd(): void {
    this.#say('FIN')
  }
  onDrain(): void {}
  onClose(error: NodeJS.ErrnoException | null): void {
    this.#say(error?.code ?? 'closed')
  }

  /** Resolves when all that was said contains the text. */
  async heard(text: string): Promise<void> {
    while (!this.said.join('').includes(text)) {
      await new Promise<void>((resolve) => {
        this.#seen = resolve
      })
    }
  }

  #say(event: string): void {
    this.said.push(event)
    this.#then(event)
    this.#seen?.()
  }
}

describe.each(TRANSPORTS)('over the transport $name', (transport) => {
  /** A connection of the transport that was accepted, and a socket of Node's at its other end. */
  async function connection(): Promise<{ stream: ByteStream; peer: net.Socket; heard: Notes }> {
    const accepted = Promise.withResolvers<ByteStream>()
    const listening = await listenLocal(transport, ({ stream }) => accepted.resolve(stream))
    const peer = net.connect({ ...listening.address, host: '127.0.0.1', allowHalfOpen: true })
    const heard = new Notes()
    peer.on('data', (chunk) => heard.onData(chunk))
    peer.on('end', () => heard.onEnd())
    peer.on('error', (error) => heard.onClose(error))
    const stream = await accepted.promise
    cleanups.push(() => {
      stream.reset()
      peer.destroy()
      listening.close()
    })
    return { stream, peer, heard }
  }

  test.each<[string, (stream: ByteStream) => void, string]>([
    ['other bytes', (stream) => stream.write(Buffer.from('two')), 'onetwo'],
    [
      'others that may wait, too',
      (stream) => {
        stream.writeSoon(Buffer.from('two'))
        stream.write(Buffer.from('three'))
      },
      'onetwothree',
    ],
    ['FIN', (stream) => stream.end(), 'oneFIN'],
    ['the end of the connection', (stream) => stream.close(), 'oneFIN'],
    ['the end of the turn', () => {}, 'one'],
  ])('bytes that may wait go before %s', async (_, then, expected) => {
    const { stream, heard } = await connection()
    stream.listen(DEAF)
    expect(stream.writeSoon(Buffer.from('one'))).toBe(true)
    then(stream)
    await heard.heard(expected)
    expect(heard.said.join('')).toBe(expected)
  })

  test('bytes that may wait are on their way when the connection is reset', async () => {
    const { stream, peer, heard } = await connection()
    stream.listen(DEAF)
    stream.writeSoon(Buffer.from('one'))
    stream.reset()
    await heard.heard('ECONNRESET')
    expect(stream.bytesWritten).toBe(3)
    expect(peer.destroyed).toBe(true)
  })

  test('before the connection is there, what may wait keeps its place', async () => {
    const heard = new Notes()
    const listening = await listenLocal(transport, ({ stream }) => {
      cleanups.push(() => stream.reset())
      stream.listen(heard)
    })
    const stream = transport.dial(listening.address)
    cleanups.push(
      () => stream.reset(),
      () => listening.close(),
    )
    stream.listen(DEAF)
    stream.write(Buffer.from('a'))
    stream.writeSoon(Buffer.from('b'))
    stream.write(Buffer.from('c'))
    stream.end()
    await heard.heard('abcFIN')
    expect(heard.said.join('')).toBe('abcFIN')
  })

  test('a reader that is full gets what may wait as well, in order, and the writer hears of it', async () => {
    const { stream, peer, heard } = await connection()
    const drained = Promise.withResolvers<void>()
    stream.listen({ ...DEAF, onDrain: () => drained.resolve() })
    peer.pause()
    const block = Buffer.alloc(1_048_576, 'x')
    let blocks = 1
    while (stream.writeSoon(block)) {
      blocks++
      await settle(1)
    }
    expect(stream.writeSoon(Buffer.from('last'))).toBe(false)
    stream.end()
    peer.resume()
    await drained.promise
    await heard.heard('lastFIN')
    const text = heard.said.join('')
    expect(text.length).toBe(blocks * block.length + 'lastFIN'.length)
  })

  test('bytes and FIN that come in one turn are told in this order, and before the end', async () => {
    const { stream, peer } = await connection()
    const notes = new Notes()
    stream.listen(notes)
    peer.end('last words')
    await notes.heard('FIN')
    expect(notes.said).toEqual(['last words', 'FIN'])
    stream.end()
    await notes.heard('closed')
  })

  test('who is paused by another connection in the same turn hears nothing until it goes on', async () => {
    const one = await connection()
    const two = await connection()
    // Whichever is told first stops the other.
    const paused: ByteStream[] = []
    const stop = (stream: ByteStream) => (event: string) => {
      if (paused.length > 0 || event === 'FIN') return
      stream.pause()
      paused.push(stream)
    }
    const notesOne = new Notes(stop(two.stream))
    const notesTwo = new Notes(stop(one.stream))
    one.stream.listen(notesOne)
    two.stream.listen(notesTwo)
    one.peer.end('to one')
    two.peer.end('to two')
    // Both are there before either is read.
    const began = performance.now()
    while (performance.now() - began < 20);
    await Promise.race([notesOne.heard('FIN'), notesTwo.heard('FIN')])
    await settle()
    expect(paused).toHaveLength(1)
    const stopped = paused[0] === one.stream ? notesOne : notesTwo
    expect(stopped.said).toEqual([])
    paused[0]?.resume()
    await stopped.heard('FIN')
    expect(stopped.said.join('')).toMatch(/^to (one|two)FIN$/)
  })

  test('bytes that came for one listener are told to the one that has taken over meanwhile', async () => {
    const one = await connection()
    const two = await connection()
    const after = new Notes()
    const taken: ByteStream[] = []
    const takeOver = (stream: ByteStream) => () => {
      if (taken.push(stream) === 1) stream.listen(after)
    }
    const first = [new Notes(takeOver(two.stream)), new Notes(takeOver(one.stream))] as const
    one.stream.listen(first[0])
    two.stream.listen(first[1])
    one.peer.write('hello')
    two.peer.write('hello')
    const began = performance.now()
    while (performance.now() - began < 20);
    await after.heard('hello')
    expect(first.flatMap(({ said }) => said)).toEqual(['hello'])
    expect(after.said).toEqual(['hello'])
  })

  test('a FIN that was read behind bytes which paused the listener is told once', async () => {
    const { stream, peer } = await connection()
    const heard = new Notes((event) => {
      if (event === 'one') stream.pause()
    })
    stream.listen(heard)
    peer.end('one')
    // Read, and paused before it is told: what asked first in this turn is called first in the next.
    while (stream.bytesRead === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    stream.pause()
    // From a timer, reading begins again, and finds FIN, before the bytes are told.
    await new Promise<void>((resolve) => setTimeout(resolve, 20))
    stream.resume()
    await heard.heard('one')
    await stat('.')
    stream.resume()
    await heard.heard('FIN')
    await settle()
    expect(heard.said).toEqual(['one', 'FIN'])
  })
})
