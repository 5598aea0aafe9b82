/** Two sidecars in a row, as between two pods: one that the client's app sends through, one at the server's. */
import type net from 'node:net'
import { createWorld, type World } from '../proxy/proxy-world.ts'
import { snapshot } from '../proxy/sample-tree.ts'

export interface Chain {
  /** Opens a connection through both sidecars to the server. */
  connect(): net.Socket
  /** Codes of the errors that the sidecars have recorded. */
  close(): Promise<void>
}

/** @param port of the server (or of the tap before it) on 127.0.0.1 */
export async function openChain(port: number): Promise<Chain> {
  const server = { ip: '127.0.0.1', port }
  const inbound = await createWorld()
  await inbound.publish(snapshot({ services: [], self: [] }))
  inbound.destination = { kind: 'redirected', destination: server }
  const outbound = await createWorld()
  const entrance = listenerOf(inbound)
  const ports = [
    { name: 'http', port: entrance.port, appProtocol: 'http', ready: 1, endpoints: [] },
  ]
  const services = [{ space: 'dev', name: 'web', clusterIPs: [entrance.ip], ports }]
  await outbound.publish(snapshot({ services, self: [] }))
  return {
    connect: () => outbound.connect('outbound', entrance),
    close: async () => {
      await outbound.close()
      await inbound.close()
    },
  }
}

function listenerOf(world: World): { ip: string; port: number } {
  const address = world.app.addresses.inbound
  if (!address) throw new Error('the sidecar has no inbound listener')
  return address
}
