/** Accepts and dials connections by `node:net`, for where the raw transport cannot be. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../core/routing-table.ts'
import { descriptorOf } from './descriptor.ts'
import { SocketStream } from './socket-stream.ts'
import type { ByteStream } from './stream.ts'
import {
  type Accepted,
  BACKLOG,
  CONNECT_TIMEOUT_MS,
  connectTimeout,
  type DialOptions,
  KEEP_ALIVE_SECONDS,
  type Listening,
  type ListenOptions,
  type OnFault,
  plainIp,
  rethrow,
  type Transport,
} from './transport.ts'

const KEEP_ALIVE_MS = KEEP_ALIVE_SECONDS * 1000

export const netTransport: Transport = { name: 'net', dial, listen }

function dial(target: Address, options: DialOptions = {}): ByteStream {
  const { timeoutMs = CONNECT_TIMEOUT_MS, onFault = rethrow } = options
  const socket = connect({
    host: target.ip,
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    autoSelectFamily: false,
  })
  const stream = new SocketStream(socket, target, onFault)
  const timer = setTimeout(() => socket.destroy(connectTimeout(target, timeoutMs)), timeoutMs)
  const done = () => clearTimeout(timer)
  socket.once('connect', done)
  socket.once('close', done)
  return stream
}

function listen(options: ListenOptions): Promise<Listening> {
  const { port, host, onAccept, onAcceptError, onFault = rethrow } = options
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    onAccept(accepted(socket, onFault)),
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, () => {
      server.removeAllListeners('error')
      server.on('error', onAcceptError)
      resolve({ address: addressOf(server), close: () => server.close() })
    })
  })
}

function addressOf(server: Server): Address {
  const { address, port } = server.address() as AddressInfo
  return { ip: address, port }
}

function accepted(socket: Socket, onFault: OnFault): Accepted {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const remote = { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
  return {
    stream: new SocketStream(socket, remote, onFault),
    get fd() {
      return descriptorOf(socket)
    },
    local: () => ({ ip: plainIp(socket.localAddress ?? ''), port: socket.localPort ?? 0 }),
  }
}
