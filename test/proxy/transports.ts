/** Both transports, for tests that must hold for either of them. */
import { netTransport } from '../../proxy/net-transport.ts'
import { loadRawBindings } from '../../proxy/raw-bindings.ts'
import { createRawTransport } from '../../proxy/raw-transport.ts'
import type { Accepted, Transport } from '../../proxy/transport.ts'

const loaded = loadRawBindings()
// Tests run on the Node that the images have; there the raw transport must work.
if (!loaded.ok) throw new Error(loaded.problem)

export const rawBindings = loaded.bindings
export const rawTransport: Transport = createRawTransport(loaded.bindings)

export const TRANSPORTS: readonly Transport[] = [rawTransport, netTransport]

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
