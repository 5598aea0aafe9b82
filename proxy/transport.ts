/**
 * What a transport is: something that accepts and dials TCP connections as byte streams. There are two,
 * which behave the same: `raw`, on the handles that Node itself stands on, and `net`, on `node:net`.
 */
import type { Address } from '../core/routing-table.ts'
import type { ByteStream } from './stream.ts'

/**
 * Time to establish a connection, ms. Inside a cluster a SYN is answered in under 1 ms; the kernel
 * sends it again after 1 s and 3 s, so 5 s stand two lost packets and still answer a waiting user.
 */
export const CONNECT_TIMEOUT_MS = 5_000

/**
 * Idle time before TCP keep-alive probes, seconds. Peers that vanished without a FIN (a node that
 * died) are noticed in 10 s and some probes instead of the kernel's two hours.
 */
export const KEEP_ALIVE_SECONDS = 10

/**
 * How long a connection that was let go may wait for its peer to take any of the last bytes, ms: as long as Linux
 * itself waits for a peer that acknowledges nothing (tcp_retries2). Even a peer that takes 2 KB/s makes the kernel
 * take more of them meanwhile; without a bound one that has stopped for good would be held for ever.
 */
export const LAST_BYTES_MS = 15 * 60_000

/**
 * Connections that the kernel keeps until they are accepted. Linux' own bound (somaxconn) is 4096
 * since 5.4 and cuts what is asked for; a sidecar must not refuse what the app would have taken.
 */
export const BACKLOG = 4096

/** Hears of what a listener of `stream` has thrown: a fault of ours, after which it was reset. */
export type OnFault = (error: unknown, stream: ByteStream) => void

/** What the log says of one. */
export const CONNECTION_FAULT = 'a connection was reset by a fault of this proxy'

export const rethrow: OnFault = (error) => {
  throw error
}

export interface DialOptions {
  /** `CONNECT_TIMEOUT_MS` if absent. */
  timeoutMs?: number
  /** Throws the error again if absent. */
  onFault?: OnFault
}

/** A connection that has just been accepted. */
export interface Accepted {
  stream: ByteStream
  /** Its file descriptor; -1 once it is closed. */
  readonly fd: number
  /** The address of its own end; after a redirection that of the listener. */
  local(): Address
}

export interface ListenOptions {
  port: number
  /** Address to listen on; all of both families if absent. */
  host?: string | undefined
  onAccept: (accepted: Accepted) => void
  /** The kernel could not hand over a connection. */
  onAcceptError: (error: NodeJS.ErrnoException) => void
  onFault?: OnFault
}

export interface Listening {
  address: Address
  /** Stops accepting; open connections go on. */
  close(): void
}

export interface Transport {
  readonly name: 'raw' | 'net'
  /** Bytes of busy connections that the kernel passed on by itself, so far. */
  passedBytes(): number
  /**
   * Opens a connection. Failures come as `onClose` with the errno in `code` and `syscall` `connect`;
   * `ETIMEDOUT` after `timeoutMs`.
   */
  dial(target: Address, options?: DialOptions): ByteStream
  /** Rejects with an errno if the port cannot be had. */
  listen(options: ListenOptions): Promise<Listening>
}

/** An IPv4 peer of a dual-stack listener shows as `::ffff:1.2.3.4`; it is plainly `1.2.3.4`. */
export function plainIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

/** The error of a connection that was not established in time. */
export function connectTimeout(target: Address, timeoutMs: number): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(
    `connect ETIMEDOUT ${target.ip}:${target.port}: no answer in ${timeoutMs} ms`,
  )
  error.code = 'ETIMEDOUT'
  error.syscall = 'connect'
  return error
}
