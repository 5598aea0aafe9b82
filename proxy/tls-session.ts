/**
 * One connection of TLS, as its client: bytes of the connection go in and out, and what they say is read and
 * written. OpenSSL decides whom it trusts, before a byte of ours is sent: the server's certificate must lead to one of
 * the given authorities, be meant for servers, be valid now and be for the name.
 */
import { ipFamily } from '../core/ip.ts'
import { type OpenSsl, type Pointer, takeReason } from './openssl.ts'

// Macros of OpenSSL's headers.
const SSL_CTRL_MODE = 33
const SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123
const SSL_MODE_RELEASE_BUFFERS = 0x10
const SSL_VERIFY_PEER = 1
const SSL_ERROR_WANT_READ = 2
const SSL_ERROR_ZERO_RETURN = 6
const TLS1_3_VERSION = 0x0304
const X509_V_OK = 0
const X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4
const X509_CHECK_FLAG_NEVER_CHECK_SUBJECT = 0x20

/** The most that one record of TLS brings, bytes (RFC 8446 5.1). */
const RECORD_BYTES = 16_384

/** What sessions have in common: who is trusted. */
export interface Trust {
  openSsl: OpenSsl
  context: Pointer
}

/**
 * Trusts these authorities (PEM), and no others: those of the system or of Node are not looked at.
 * @throws Error where the text holds no certificate
 */
export function trustIn(openSsl: OpenSsl, authorities: string): Trust {
  const context = there(openSsl, openSsl.SSL_CTX_new(openSsl.TLS_client_method()))
  // A controller is of the same version as its sidecars, so that nothing older is needed.
  openSsl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, null)
  // 34 KB of an idle connection.
  openSsl.SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null)
  openSsl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, null)
  if (addCertificates(openSsl, context, Buffer.from(authorities)) === 0) {
    const reason = takeReason(openSsl)
    openSsl.SSL_CTX_free(context)
    throw new Error(`ca.crt holds no certificates: ${reason}`)
  }
  openSsl.ERR_clear_error()
  return { openSsl, context }
}

/** Sessions that are open go on. */
export function freeTrust({ openSsl, context }: Trust): void {
  openSsl.SSL_CTX_free(context)
}

function addCertificates(openSsl: OpenSsl, context: Pointer, pem: Buffer): number {
  const store = openSsl.SSL_CTX_get_cert_store(context)
  const bio = there(openSsl, openSsl.BIO_new_mem_buf(pem, pem.length))
  let count = 0
  for (;;) {
    const certificate = openSsl.PEM_read_bio_X509(bio, null, null, null)
    if (certificate === null) break
    count += openSsl.X509_STORE_add_cert(store, certificate)
    openSsl.X509_free(certificate)
  }
  openSsl.BIO_free(bio)
  return count
}

/** @throws Error where OpenSSL could not make it: it has no memory */
function there(openSsl: OpenSsl, pointer: Pointer | null): Pointer {
  if (pointer === null) throw new Error(`OpenSSL: ${takeReason(openSsl)}`)
  return pointer
}

export class TlsSession {
  /** The peer has said that nothing follows. */
  ended = false
  readonly #openSsl: OpenSsl
  readonly #name: string
  /** Null once it is freed, and nothing comes or goes any more. */
  #ssl: Pointer | null
  /** What the peer has sent, and what is to be sent to it; they go with the session. */
  readonly #incoming: Pointer
  readonly #outgoing: Pointer

  /** @param name for which the server's certificate must be; an address will do */
  constructor({ openSsl, context }: Trust, name: string) {
    const ssl = there(openSsl, openSsl.SSL_new(context))
    this.#openSsl = openSsl
    this.#name = name
    this.#ssl = ssl
    this.#incoming = there(openSsl, openSsl.BIO_new(openSsl.BIO_s_mem()))
    this.#outgoing = there(openSsl, openSsl.BIO_new(openSsl.BIO_s_mem()))
    openSsl.SSL_set_bio(ssl, this.#incoming, this.#outgoing)
    openSsl.SSL_set_connect_state(ssl)
    if (expectName(openSsl, ssl, name)) return
    this.free()
    throw new Error(`no certificate can be for ${name}: ${takeReason(openSsl)}`)
  }

  /** Takes what has come from the peer; `handshake` or `read` look at it. */
  receive(bytes: Buffer): void {
    if (this.#ssl !== null) this.#openSsl.BIO_write(this.#incoming, bytes, bytes.length)
  }

  /**
   * Goes on with the handshake; true once it is done.
   * @throws Error that says why the peer is refused, or refuses
   */
  handshake(): boolean {
    const ssl = this.#ssl
    if (ssl === null) return false
    const openSsl = this.#openSsl
    openSsl.ERR_clear_error()
    const outcome = openSsl.SSL_do_handshake(ssl)
    if (outcome === 1) return true
    if (openSsl.SSL_get_error(ssl, outcome) === SSL_ERROR_WANT_READ) return false
    throw this.#refusal(ssl)
  }

  /**
   * The next of what the peer says; null while there is none, and at its end.
   * @throws Error if what has come is not of this session
   */
  read(): Buffer | null {
    const ssl = this.#ssl
    if (ssl === null || this.ended) return null
    const openSsl = this.#openSsl
    openSsl.ERR_clear_error()
    const count = openSsl.SSL_read(ssl, RECORD, RECORD_BYTES)
    if (count > 0) return Buffer.from(RECORD.subarray(0, count))
    const why = openSsl.SSL_get_error(ssl, count)
    if (why === SSL_ERROR_ZERO_RETURN) this.ended = true
    else if (why !== SSL_ERROR_WANT_READ) throw this.#failure()
    return null
  }

  /**
   * Says something; only after the handshake.
   * @throws Error if the session is broken
   */
  write(bytes: Buffer): void {
    if (this.#ssl === null || bytes.length === 0) return
    this.#openSsl.ERR_clear_error()
    if (this.#openSsl.SSL_write(this.#ssl, bytes, bytes.length) <= 0) throw this.#failure()
  }

  /** Says that nothing follows. */
  end(): void {
    if (this.#ssl === null) return
    this.#openSsl.ERR_clear_error()
    this.#openSsl.SSL_shutdown(this.#ssl)
  }

  /** What is to be sent to the peer now; null if there is nothing. */
  send(): Buffer | null {
    if (this.#ssl === null) return null
    const size = this.#openSsl.BIO_ctrl_pending(this.#outgoing)
    if (size === 0) return null
    const bytes = Buffer.allocUnsafe(size)
    this.#openSsl.BIO_read(this.#outgoing, bytes, size)
    return bytes
  }

  free(): void {
    if (this.#ssl !== null) this.#openSsl.SSL_free(this.#ssl)
    this.#ssl = null
  }

  #refusal(ssl: Pointer): Error {
    const openSsl = this.#openSsl
    const result = openSsl.SSL_get_verify_result(ssl)
    if (result === X509_V_OK) return this.#failure()
    const cause = openSsl.X509_verify_cert_error_string(result)
    const remedy = 'it must be for this name and of an authority in ca.crt'
    return new Error(`the certificate of ${this.#name} is refused: ${cause}; ${remedy}`)
  }

  #failure(): Error {
    return new Error(`TLS with ${this.#name} failed: ${takeReason(this.#openSsl)}`)
  }
}

/** Where a record is read to; what is told is a copy of its own size. */
const RECORD = Buffer.allocUnsafeSlow(RECORD_BYTES)

/** A name counts where certificates are to have it (RFC 9525): among their alternative ones. */
function expectName(openSsl: OpenSsl, ssl: Pointer, name: string): boolean {
  openSsl.SSL_set_hostflags(
    ssl,
    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
  )
  if (ipFamily(name) !== 0) {
    return openSsl.X509_VERIFY_PARAM_set1_ip_asc(openSsl.SSL_get0_param(ssl), name) === 1
  }
  // An address is no server name (RFC 6066 3).
  const told = openSsl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name)
  return told === 1 && openSsl.SSL_set1_host(ssl, name) === 1
}
