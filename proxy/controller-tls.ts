/**
 * Dials the controller by TLS, as byte streams. Node's TLS is loaded only then: with what it loads and what OpenSSL
 * touches it takes 7 MB of a pod's memory; its HTTP client would take 3 more.
 */
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls'
import { ipFamily } from '../core/ip.ts'
import type { Address } from '../core/routing-table.ts'
import { NodeSocketStream } from './node-socket-stream.ts'
import type { ByteStream, Dial } from './stream.ts'
import { CONNECT_TIMEOUT_MS, connectTimeout, KEEP_ALIVE_SECONDS, rethrow } from './transport.ts'

export interface TlsOptions {
  /** The name that the certificate must be for; an address will do. */
  name: string
  /** How long TCP and TLS together may take, ms; `CONNECT_TIMEOUT_MS` if absent. */
  timeoutMs?: number
}

/** Makes the way to a server that shows a certificate of one of these authorities (PEM) for the name. */
export type TrustDial = (authorities: string) => Dial

export function createTrustDial({ name, timeoutMs = CONNECT_TIMEOUT_MS }: TlsOptions): TrustDial {
  let known: { authorities: string; context: SecureContext } | null = null
  return (authorities) => {
    const { connect, checkServerIdentity } = process.getBuiltinModule('node:tls')
    if (known?.authorities !== authorities) {
      known = { authorities, context: contextOf(authorities) }
    }
    const { context } = known
    return (target) => {
      // Options of the TCP connection below, of which Node's types know only some.
      const tcp = { noDelay: true, autoSelectFamily: false }
      const options: ConnectionOptions = {
        ...tcp,
        host: target.ip,
        port: target.port,
        // An address is no server name (RFC 6066 3).
        servername: ipFamily(name) === 0 ? name : '',
        checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
        secureContext: context,
        rejectUnauthorized: true,
      }
      const socket = connect(options)
      socket.setKeepAlive(true, KEEP_ALIVE_SECONDS * 1000)
      const timer = setTimeout(() => socket.destroy(connectTimeout(target, timeoutMs)), timeoutMs)
      const done = () => clearTimeout(timer)
      socket.once('secureConnect', done)
      socket.once('close', done)
      return new TlsStream(socket, target, name)
    }
  }
}

function contextOf(authorities: string): SecureContext {
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  try {
    // With `ca` the authorities that Node brings along count for nothing, and are not loaded.
    return createSecureContext({ ca: authorities, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw new Error(`ca.crt holds no certificates: ${(error as Error).message}`)
  }
}

class TlsStream extends NodeSocketStream<TLSSocket> implements ByteStream {
  readonly #name: string
  /** What is to be said once it is certain who hears it; null from then on. */
  #early: Buffer[] | null = []
  #drainUntold = false

  constructor(socket: TLSSocket, remote: Address, name: string) {
    super(socket, remote, rethrow)
    this.#name = name
    socket.on('secureConnect', () => this.#secured())
    socket.on('close', () => this.tellClose())
    socket.on('drain', () => this.#drained())
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten ?? 0
  }

  write(chunk: Buffer): boolean {
    if (this.#early !== null) {
      this.#early.push(chunk)
      this.#drainUntold = true
      return false
    }
    if (!this.socket.writable || this.socket.write(chunk)) return true
    this.#drainUntold = true
    return false
  }

  close(): void {
    if (this.dropped || this.closed) return
    this.dropped = true
    if (this.#early !== null) this.socket.destroy()
    else this.socket.destroySoon()
  }

  reset(): void {
    this.dropped = true
    this.socket.destroy()
  }

  #secured(): void {
    const early = this.#early ?? []
    this.#early = null
    this.tell((listener) => listener.onConnect?.())
    for (const chunk of early) if (this.socket.writable) this.socket.write(chunk)
    if (!this.socket.writableNeedDrain) this.#drained()
  }

  #drained(): void {
    if (!this.#drainUntold) return
    this.#drainUntold = false
    this.tell((listener) => listener.onDrain())
  }

  /** Node's sentence about a certificate names neither whose it is nor what is to be done. */
  protected override explained(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
    const { authorizationError } = this.socket
    if (!authorizationError && error.code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return error
    // What follows is advice for who starts Node by hand.
    const [cause] = error.message.split('; ')
    const remedy = 'it must be for this name and of an authority in ca.crt'
    const message = `the certificate of ${this.#name} is refused: ${cause}; ${remedy}`
    return Object.assign(new Error(message), { code: error.code ?? 'ERR_TLS_CERT' })
  }
}
