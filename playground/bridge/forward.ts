/** The host's side of the bridge: ports of 127.0.0.1 that lead into the cluster. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { readLine } from './read-line.ts'
import { splice } from './splice.ts'
import { encodeLine, type Reply, type Target } from './target.ts'

export interface Forward {
  host: string
  port: number
  close(): void
}

/**
 * Opens a port on 127.0.0.1 whose connections go to `target`.
 * @param socketPath the node's unix socket
 * @param hostPort the port to take; 0 lets the kernel choose
 */
export async function openForward(
  socketPath: string,
  target: Target,
  hostPort: number,
): Promise<Forward> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket)
    // A client may break off while the way is being made; splice then sees a destroyed socket.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => open.delete(socket))
    dial(socketPath, target).then(
      ({ socket: inside }) => splice(socket, inside),
      // The cluster's refusal becomes a reset, as a refused connection would be.
      () => socket.resetAndDestroy(),
    )
  })
  server.listen(hostPort, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    host: '127.0.0.1',
    port,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** Asks the node; rejects with its sentence. The connection that comes back is paused. */
export async function dial(
  socketPath: string,
  target: Target,
): Promise<{ socket: Socket; result: unknown }> {
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  try {
    await once(socket, 'connect')
    socket.write(encodeLine(target))
    const reply = JSON.parse(await readLine(socket)) as Reply
    if (!reply.ok) throw new Error(reply.message)
    return { socket, result: reply.result }
  } catch (error) {
    socket.destroy()
    throw error
  }
}
