/**
 * Tries the raw transport before it is relied on: one connection over loopback that is accepted, dialled,
 * written, read into both kinds of buffers, ended and reset. Another Node may have the same names for
 * something that behaves otherwise.
 */
import type { RawBindings } from './raw-bindings.ts'
import { createRawTransport } from './raw-transport.ts'
import type { ByteStream, StreamListener } from './stream.ts'
import type { Transport } from './transport.ts'

/** Time for all of it, ms: it takes 2; a pod's processor may be throttled for some 100 at a time. */
const PROBE_MS = 2_000

/** More than one read of the landing area, so that a buffer is lent and another write is under way. */
const BYTES = 400_000

/** Resolves with what went wrong, or null if all is well. */
export async function probeRaw(bindings: RawBindings): Promise<string | null> {
  try {
    return await tryOut(createRawTransport(bindings), echo)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Sends bytes over loopback and looks at what comes back.
 * @param serve what is done with the connection at its other end, which has to send back what comes
 * @returns what went wrong, or null
 */
export async function tryOut(
  transport: Transport,
  serve: (stream: ByteStream) => void,
): Promise<string | null> {
  const sent = pattern(BYTES)
  const outcome = Promise.withResolvers<string | null>()
  const onFault = (error: unknown) => outcome.resolve(String(error))
  const late = () => outcome.resolve(`no answer over loopback in ${PROBE_MS} ms`)
  const timer = setTimeout(late, PROBE_MS)
  const open: ByteStream[] = []
  const listening = await transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAccept: ({ stream, fd }) => {
      if (fd < 0) outcome.resolve('a connection has no descriptor')
      open.push(stream)
      serve(stream)
    },
    onAcceptError: onFault,
    onFault,
  })
  try {
    const stream = transport.dial(listening.address, { timeoutMs: PROBE_MS, onFault })
    open.push(stream)
    let length = 0
    let same = true
    stream.listen({
      borrows: true,
      onData: (chunk) => {
        same &&= chunk.equals(sent.subarray(length, length + chunk.length))
        length += chunk.length
        if (length === sent.length) stream.end()
      },
      onEnd: () => {},
      onDrain: () => {},
      onClose: (error) => {
        const whole = same && length === sent.length
        if (error !== null) outcome.resolve(error.message)
        else outcome.resolve(whole ? null : 'bytes over loopback did not come back as they left')
      },
    })
    stream.write(sent)
    return await outcome.promise
  } finally {
    clearTimeout(timer)
    listening.close()
    for (const stream of open) stream.reset()
  }
}

/** Sends back what comes, stopping while it cannot. */
export function echo(stream: ByteStream): void {
  const listener: StreamListener = {
    borrows: true,
    onData: (chunk) => {
      if (!stream.write(chunk)) stream.pause()
    },
    onEnd: () => stream.end(),
    onDrain: () => stream.resume(),
    onClose: () => {},
  }
  stream.listen(listener)
}

/**
 * Bytes of which no two blocks are alike: a piece of a prime length, again and again. Not one loop over
 * all of them, which would wake the optimizing compiler: 5 MB of every pod's memory.
 */
function pattern(length: number): Buffer {
  const piece = Buffer.allocUnsafe(251)
  for (let i = 0; i < piece.length; i++) piece[i] = i
  return Buffer.alloc(length, piece)
}
