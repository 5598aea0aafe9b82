/** The node's side of the bridge: a unix socket, which crosses network namespaces, on which the host asks. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { readLine } from './read-line.ts'
import { splice } from './splice.ts'
import { encodeLine, type Reply, type Target } from './target.ts'

export interface DialDeps {
  /** The cluster IP of a Service; throws a sentence where it has none. */
  addressOf(namespace: string, service: string): string
  exec(target: Extract<Target, { want: 'exec' }>): Promise<unknown>
}

/** Starts to listen; the socket's directory must be private, for whoever can open it is in the cluster. */
export async function startDialServer(path: string, deps: DialDeps): Promise<{ close(): void }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket, deps).catch((error: Error) => {
      const reply: Reply = { ok: false, message: error.message }
      socket.end(encodeLine(reply))
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return { close: () => void server.close() }
}

async function serve(socket: Socket, deps: DialDeps): Promise<void> {
  const target = JSON.parse(await readLine(socket)) as Target
  if (target.want === 'exec') {
    const result = await deps.exec(target)
    socket.end(encodeLine({ ok: true, result }))
    return
  }
  const host = target.want === 'tcp' ? target.ip : deps.addressOf(target.namespace, target.name)
  const upstream = connect({ host, port: target.port, allowHalfOpen: true })
  await once(upstream, 'connect')
  socket.write(encodeLine({ ok: true }))
  splice(socket, upstream)
}
