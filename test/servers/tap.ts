/**
 * A wire tap before a server: passes bytes, FIN and RST on as they come, and writes down what the
 * server was sent. A direct connection goes through it as well, so that both are seen from the same place.
 */
import net from 'node:net'

export interface Tap {
  port: number
  /** All bytes that were sent to the server since the last call, connection after connection, as latin1. */
  take(): Sent
  /** The same so far, which stays. */
  sent(): Sent
  close(): void
}

export interface Sent {
  /** What each connection brought, of those that brought anything. */
  bytes: string
  /** All that those brought which were opened since, apart. */
  opened: string[]
  /** Whether the client's side has ended, and how. */
  ended: 'fin' | 'rst' | null
}

export async function openTap(server: number): Promise<Tap> {
  const sockets = new Set<net.Socket>()
  let sent = nothing()
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = net.connect({
      port: server,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    const { opened } = sent
    const own = opened.push('') - 1
    client.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      sent.bytes += text
      opened[own] += text
    })
    client.on('end', () => {
      sent.ended = 'fin'
    })
    client.on('error', () => {
      sent.ended = 'rst'
    })
    join(client, upstream)
    join(upstream, client)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as net.AddressInfo).port,
    take: () => {
      const taken = sent
      sent = nothing()
      return taken
    },
    sent: () => sent,
    close: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function nothing(): Sent {
  return { bytes: '', opened: [], ended: null }
}

function join(from: net.Socket, to: net.Socket): void {
  from.on('data', (chunk) => {
    if (to.write(chunk)) return
    from.pause()
    to.once('drain', () => from.resume())
  })
  from.on('end', () => to.end())
  from.on('error', () => to.resetAndDestroy())
  from.on('close', () => {
    if (!to.destroyed && !from.readableEnded) to.destroy()
  })
}
