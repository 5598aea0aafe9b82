/** Accepts and dials connections on libuv's handles directly. */
import type { Address } from '../core/routing-table.ts'
import {
  errnoError,
  type RawBindings,
  type RawName,
  type RawRequest,
  type TcpHandle,
} from './raw-bindings.ts'
import { openListeners } from './raw-listening.ts'
import { type LoopOptions, RawLoop } from './raw-loop.ts'
import { RawStream } from './raw-stream.ts'
import { SPECIMENS } from './specimens.ts'
import type { ByteStream } from './stream.ts'
import {
  type Accepted,
  CONNECT_TIMEOUT_MS,
  type DialOptions,
  type Listening,
  type ListenOptions,
  plainIp,
  rethrow,
  type Transport,
} from './transport.ts'

export function createRawTransport(bindings: RawBindings, options: LoopOptions = {}): Transport {
  const loop = new RawLoop(bindings, options)
  return {
    name: 'raw',
    passedBytes: () => options.pipes?.passed ?? 0,
    dial: (target, options = {}) => dial(target, options, { bindings, loop }),
    listen: async (options) => listen(options, { bindings, loop }),
  }
}

interface Raw {
  bindings: RawBindings
  loop: RawLoop
}

function dial(target: Address, options: DialOptions, { bindings, loop }: Raw): ByteStream {
  const { timeoutMs = CONNECT_TIMEOUT_MS, onFault = rethrow } = options
  const handle = new bindings.Tcp(bindings.socketKind)
  const stream = new RawStream(handle, target, { loop, onFault, connecting: true })
  // Noted by libuv for the socket that it is about to make.
  handle.setNoDelay(true)
  const request = new bindings.ConnectRequest()
  request.owner = stream
  request.oncomplete = onConnected
  const { ip, port } = target
  const errno = ip.includes(':')
    ? handle.connect6(request, ip, port)
    : handle.connect(request, ip, port)
  if (errno !== 0) queueMicrotask(() => stream.connected(errno))
  else stream.waitIn(loop.connects(timeoutMs))
  return stream
}

function onConnected(this: RawRequest, status: number): void {
  const stream = this.owner as RawStream
  stream.connected(status)
}

/** @throws NodeJS.ErrnoException if the port cannot be had */
function listen(options: ListenOptions, { bindings, loop }: Raw): Listening {
  const { onAccept, onAcceptError, onFault = rethrow } = options
  const portOf = (handle: TcpHandle) => addressOf(handle, 'getsockname').port
  const doors = openListeners(options, bindings, portOf)
  for (const door of doors) {
    door.onconnection = (status, client) => {
      if (client === undefined) onAcceptError(errnoError(status, 'accept'))
      else accept(client, { loop, onFault, onAccept })
    }
  }
  const address = addressOf(doors[0] as TcpHandle, 'getsockname')
  const close = () => {
    for (const door of doors) door.close()
  }
  return { address, close }
}

function accept(
  handle: TcpHandle,
  {
    loop,
    onFault,
    onAccept,
  }: Pick<Required<ListenOptions>, 'onFault' | 'onAccept'> & Pick<Raw, 'loop'>,
): void {
  const remote = addressOf(handle, 'getpeername')
  const stream = new RawStream(handle, remote, { loop, onFault, connecting: false })
  const accepted = new RawAccepted(stream, handle)
  SPECIMENS.accepted = accepted
  onAccept(accepted)
}

/** A class, because a getter in an object's literal costs microseconds with each connection. */
class RawAccepted implements Accepted {
  readonly stream: RawStream
  readonly #handle: TcpHandle

  constructor(stream: RawStream, handle: TcpHandle) {
    this.stream = stream
    this.#handle = handle
  }

  get fd(): number {
    return this.stream.fd
  }

  local(): Address {
    return addressOf(this.#handle, 'getsockname')
  }
}

/** As far as it is known: a peer that has reset the connection already has no address any more. */
function addressOf(handle: TcpHandle, which: 'getsockname' | 'getpeername'): Address {
  NAME.address = ''
  NAME.port = 0
  handle[which](NAME)
  const { address, port } = NAME
  if (address !== lastName) {
    lastName = address
    lastIp = plainIp(address)
  }
  return { ip: lastIp, port }
}

/** Of the last address: connections to a sidecar come from few, and then hold no text of their own. */
let lastName = ''
let lastIp = ''

/** Filled each time: an object that gets its fields from Node costs a microsecond. */
const NAME: Required<RawName> = { address: '', family: '', port: 0 }
