/** Accepts and dials connections by `node:net`, for where the raw transport cannot be. */
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Address } from '../core/routing-table.ts'
import { Deadlines } from './deadlines.ts'
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
  LAST_BYTES_MS,
  type Listening,
  type ListenOptions,
  type OnFault,
  plainIp,
  rethrow,
  type Transport,
} from './transport.ts'

const KEEP_ALIVE_MS = KEEP_ALIVE_SECONDS * 1000

/** What the connections of one such transport share: the list of those let go with bytes yet to be sent. */
type Lasting = Deadlines<SocketStream>

/** @param lastBytesMs for tests; `LAST_BYTES_MS` otherwise */
export function createNetTransport({ lastBytesMs = LAST_BYTES_MS } = {}): Transport {
  const lasting: Lasting = new Deadlines(lastBytesMs, (stream) => stream.lastBytesDue())
  return {
    name: 'net',
    passedBytes: () => 0,
    dial: (target, options = {}) => dial(target, options, lasting),
    listen: (options) => listen(options, lasting),
  }
}

export const netTransport: Transport = createNetTransport()

function dial(target: Address, options: DialOptions, lasting: Lasting): ByteStream {
  const { timeoutMs = CONNECT_TIMEOUT_MS, onFault = rethrow } = options
  const { connect } = process.getBuiltinModule('node:net')
  const socket = connect({
    host: target.ip,
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    autoSelectFamily: false,
  })
  const stream = new SocketStream(socket, target, { onFault, lasting })
  const timer = setTimeout(() => socket.destroy(connectTimeout(target, timeoutMs)), timeoutMs)
  const done = () => clearTimeout(timer)
  socket.once('connect', done)
  socket.once('close', done)
  return stream
}

function listen(options: ListenOptions, lasting: Lasting): Promise<Listening> {
  const { port, host, onAccept, onAcceptError, onFault = rethrow } = options
  // Only where there is no other transport: 4 MB of memory.
  const { createServer } = process.getBuiltinModule('node:net')
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    onAccept(accepted(socket, { onFault, lasting })),
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

function accepted(socket: Socket, options: { onFault: OnFault; lasting: Lasting }): Accepted {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const remote = { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
  return {
    stream: new SocketStream(socket, remote, options),
    get fd() {
      return descriptorOf(socket)
    },
    local: () => ({ ip: plainIp(socket.localAddress ?? ''), port: socket.localPort ?? 0 }),
  }
}
