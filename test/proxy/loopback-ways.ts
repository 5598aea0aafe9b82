/** How tests reach a controller on loopback. */
import { createAskController } from '../../proxy/controller-endpoint.ts'
import type { Transport } from '../../proxy/transport.ts'
import { rawTransport } from './transports.ts'

/** Asks the controller at a URL with an address in it. */
export function askAt(url: string, transport: Transport = rawTransport) {
  return createAskController(url, 'cluster.local', {
    dial: (target) => transport.dial(target),
    resolve: () => Promise.reject(new Error('nothing is to be looked up here')),
    identity: {
      current: () => Promise.reject(new Error('nobody signs in here')),
      refused: () => {},
    },
  })
}
