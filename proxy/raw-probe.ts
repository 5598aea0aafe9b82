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
    const transport = createRawTransport(bindings)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer over loopback in ${PROBE_MS} ms`), PROBE_MS)
    })
    const outcome = await Promise.race([exchange(transport), late])
    clearTimeout(timer)
    return outcome
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function exchange(transport: Transport): Promise<string | null> {
  const sent = pattern(BYTES)
  const outcome = Promise.withResolvers<string | null>()
  const onFault = (error: unknown) => outcome.resolve(String(error))
  const listening = await transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAccept: ({ stream, fd }) => {
      if (fd < 0) outcome.resolve('a connection has no descriptor')
      echo(stream)
    },
    onAcceptError: onFault,
    onFault,
  })
  try {
    const stream = transport.dial(listening.address, { timeoutMs: PROBE_MS, onFault })
    const received: Buffer[] = []
    let length = 0
    stream.listen({
      onData: (chunk) => {
        received.push(chunk)
        length += chunk.length
        if (length === sent.length) stream.end()
      },
      onEnd: () => {},
      onDrain: () => {},
      onClose: (error) => {
        const same = Buffer.concat(received).equals(sent)
        if (error !== null) outcome.resolve(error.message)
        else outcome.resolve(same ? null : 'bytes over loopback did not come back as they left')
      },
    })
    stream.write(sent)
    return await outcome.promise
  } finally {
    listening.close()
  }
}

/** Sends back what comes, stopping while it cannot. */
function echo(stream: ByteStream): void {
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

/** Bytes of which no two blocks are alike. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255
  return bytes
}
