/** Both transports, for tests that must hold for either of them. */
import { createNetTransport, netTransport } from '../../proxy/net-transport.ts'
import { loadRawBindings } from '../../proxy/raw-bindings.ts'
import { createRawTransport } from '../../proxy/raw-transport.ts'
import { loadSendLast } from '../../proxy/send-last.ts'
import type { Accepted, Transport } from '../../proxy/transport.ts'

const loaded = loadRawBindings()
// Tests run on the Node that the images have; there the raw transport must work.
if (!loaded.ok) throw new Error(loaded.problem)

export const rawBindings = loaded.bindings

/** Spoils memory that is about to be used again, so that whoever still needs it is found out. */
export const spoil = (memory: Buffer) => memory.fill(0xee)

export const rawTransport: Transport = createRawTransport(loaded.bindings, {
  onFree: spoil,
  loadSendLast,
})

export const TRANSPORTS: readonly Transport[] = [rawTransport, netTransport]

/** Ones that give up, after so long, who takes nothing of a connection that was let go. */
export function impatientTransports(lastBytesMs: number): Transport[] {
  const options = { lastBytesMs }
  const raw = createRawTransport(rawBindings, { ...options, onFree: spoil, loadSendLast })
  return [raw, createNetTransport(options)]
}

/** Listens on a free port of 127.0.0.1 until `close`; a failed accept is thrown. */
export function listenLocal(transport: Transport, onAccept: (accepted: Accepted) => void) {
  return transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAccept,
    onAcceptError: (error) => {
      throw error
    },
  })
}
