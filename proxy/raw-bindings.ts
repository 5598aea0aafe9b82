/**
 * The part of Node's inside that the raw transport stands on: handles of libuv's TCP sockets. Node
 * promises nothing about it, so everything that is used is looked at here before it is used.
 */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import type { Address } from '../core/routing-table.ts'

/** What `getsockname` and `getpeername` fill. */
export interface RawName {
  address?: string
  family?: string
  port?: number
}

/** `TCP` of `tcp_wrap`. Numbers that come back are 0 or a negative errno. */
export interface TcpHandle {
  /** Ours: to whom the callbacks of this handle belong. */
  owner: unknown
  readonly fd: number
  /** Bytes that libuv holds because the kernel has not taken them. */
  readonly writeQueueSize: number
  /** Called when bytes, an end or an error came; what it returns is read into from then on. */
  onread: (this: TcpHandle) => Buffer | undefined
  onconnection: ((this: TcpHandle, status: number, client: TcpHandle | undefined) => void) | null
  bind(ip: string, port: number, flags: number): number
  bind6(ip: string, port: number, flags: number): number
  listen(backlog: number): number
  connect(request: RawRequest, ip: string, port: number): number
  connect6(request: RawRequest, ip: string, port: number): number
  getsockname(out: RawName): number
  getpeername(out: RawName): number
  setNoDelay(on: boolean): number
  setKeepAlive(on: boolean, idleSeconds: number): number
  /** Reads go into this memory, of which Node keeps no reference. */
  useUserBuffer(buffer: Buffer): number
  readStart(): number
  readStop(): number
  writeBuffer(request: RawRequest, bytes: Buffer): number
  shutdown(request: RawRequest): number
  /** The descriptor is free when this returns. */
  close(): void
  /** Closes with RST; must not be called while a FIN is on its way down to the kernel. */
  reset(): number
}

/** Something that a handle has under way. */
export interface RawRequest {
  oncomplete: (this: RawRequest, status: number) => void
  /** Ours: the owner of the handle, and what must not be collected meanwhile. */
  owner: unknown
  bytes: Buffer | null
}

type RequestType = new () => RawRequest

export interface RawBindings {
  Tcp: new (kind: number) => TcpHandle
  ConnectRequest: RequestType
  WriteRequest: RequestType
  ShutdownRequest: RequestType
  /** Kinds of handles. */
  socketKind: number
  serverKind: number
  /** Flag for `bind`: other sockets of this user may have the port as well. 0 where there is none. */
  reusePort: number
  /** What the last call into or out of a handle has to say, at the two places that follow. */
  state: Int32Array
  /** Bytes read, or a negative errno. */
  readAt: number
  /** Not 0 if the last write is still under way. */
  asyncAt: number
}

export type LoadedBindings =
  | { ok: true; bindings: RawBindings }
  /** What is not as expected. */
  | { ok: false; problem: string }

const METHODS = [
  ...['bind', 'bind6', 'listen', 'connect', 'connect6', 'getsockname', 'getpeername'],
  ...['setNoDelay', 'setKeepAlive', 'useUserBuffer', 'readStart', 'readStop', 'writeBuffer'],
  ...['shutdown', 'close', 'reset'],
]

type Binding = Readonly<Record<string, unknown>>

/** How the inside is reached; tests pass their own. */
export type GetBinding = (name: string) => unknown

const processBinding: GetBinding = (name) =>
  (process as unknown as { binding: GetBinding }).binding(name)

/** Looks at the inside of this Node without using it. */
export function loadRawBindings(getBinding: GetBinding = processBinding): LoadedBindings {
  try {
    const tcp = getBinding('tcp_wrap') as Binding
    const stream = getBinding('stream_wrap') as Binding
    const problem = problemOf(tcp, stream)
    if (problem !== null) return { ok: false, problem }
    const {
      SOCKET,
      SERVER,
      UV_TCP_REUSEPORT = 0,
    } = tcp['constants'] as Record<'SOCKET' | 'SERVER' | 'UV_TCP_REUSEPORT', number>
    const bindings = {
      Tcp: tcp['TCP'] as RawBindings['Tcp'],
      ConnectRequest: tcp['TCPConnectWrap'] as RequestType,
      WriteRequest: stream['WriteWrap'] as RequestType,
      ShutdownRequest: stream['ShutdownWrap'] as RequestType,
      socketKind: SOCKET,
      serverKind: SERVER,
      reusePort: UV_TCP_REUSEPORT,
      state: stream['streamBaseState'] as Int32Array,
      readAt: stream['kReadBytesOrError'] as number,
      asyncAt: stream['kLastWriteWasAsync'] as number,
    }
    return { ok: true, bindings }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

function problemOf(tcp: Binding, stream: Binding): string | null {
  const types = [tcp['TCP'], tcp['TCPConnectWrap'], stream['WriteWrap'], stream['ShutdownWrap']]
  if (types.some((type) => typeof type !== 'function')) return 'a type of handle is missing'
  const constants = tcp['constants'] as Binding | undefined
  if (!isCount(constants?.['SOCKET']) || !isCount(constants?.['SERVER'])) {
    return 'the kinds of handles are missing'
  }
  // Not `instanceof`: in a context of its own (a test runner's) it is of another realm.
  const state = stream['streamBaseState']
  if (Object.prototype.toString.call(state) !== '[object Int32Array]') {
    return 'the state of streams is no Int32Array'
  }
  const { length } = state as Int32Array
  const places = [stream['kReadBytesOrError'], stream['kLastWriteWasAsync']]
  if (places.some((place) => !isCount(place) || place >= length)) {
    return 'the places in the state of streams are missing'
  }
  const { prototype } = tcp['TCP'] as { prototype: object }
  const missing = METHODS.filter((name) => typeof Reflect.get(prototype, name) !== 'function')
  if (missing.length > 0) return `handles have no ${missing.join(', ')}`
  const gone = ['fd', 'writeQueueSize', 'onread'].filter((name) => !(name in prototype))
  return gone.length > 0 ? `handles have no ${gone.join(', ')}` : null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

const ERRORS = getSystemErrorMap()

/** What a read says at the peer's FIN. */
export const UV_EOF = [...ERRORS].find(([, [code]]) => code === 'EOF')?.[0] ?? -4095

/** What it says of a handle that reads into a buffer of no size: there is something to read. */
export const UV_ENOBUFS = -constants.errno.ENOBUFS

/** The error that `node:net` would report. */
export function errnoError(
  errno: number,
  syscall: string,
  target?: Address,
): NodeJS.ErrnoException {
  const code = ERRORS.get(errno)?.[0] ?? `errno ${errno}`
  const where = target ? ` ${target.ip}:${target.port}` : ''
  const error: NodeJS.ErrnoException = new Error(`${syscall} ${code}${where}`)
  return Object.assign(error, { errno, code, syscall })
}
