/**
 * OpenSSL's functions for a client of TLS. Node's program has OpenSSL inside and re-exports it for addons
 * (https://nodejs.org/api/addons.html, "Linking to libraries included with Node.js"); koffi calls it for us.
 * The names are OpenSSL's own: https://docs.openssl.org/3.5/man3/ has a page on each.
 */
import type { Koffi } from './koffi.ts'

/** Address of something of OpenSSL's; it must not be used after what frees it. */
export type Pointer = bigint

const PROTOTYPES = {
  TLS_client_method: 'void *TLS_client_method()',
  SSL_CTX_new: 'void *SSL_CTX_new(void *method)',
  SSL_CTX_free: 'void SSL_CTX_free(void *context)',
  SSL_CTX_ctrl: 'long SSL_CTX_ctrl(void *context, int command, long number, void *pointer)',
  SSL_CTX_set_verify: 'void SSL_CTX_set_verify(void *context, int mode, void *callback)',
  SSL_CTX_get_cert_store: 'void *SSL_CTX_get_cert_store(void *context)',
  X509_STORE_add_cert: 'int X509_STORE_add_cert(void *store, void *certificate)',
  X509_free: 'void X509_free(void *certificate)',
  PEM_read_bio_X509:
    'void *PEM_read_bio_X509(void *bio, void *into, void *callback, void *argument)',
  SSL_new: 'void *SSL_new(void *context)',
  SSL_free: 'void SSL_free(void *ssl)',
  SSL_set_connect_state: 'void SSL_set_connect_state(void *ssl)',
  SSL_set_bio: 'void SSL_set_bio(void *ssl, void *reads, void *writes)',
  SSL_ctrl: 'long SSL_ctrl(void *ssl, int command, long number, const char *text)',
  SSL_set1_host: 'int SSL_set1_host(void *ssl, const char *name)',
  SSL_set_hostflags: 'void SSL_set_hostflags(void *ssl, unsigned int flags)',
  SSL_get0_param: 'void *SSL_get0_param(void *ssl)',
  X509_VERIFY_PARAM_set1_ip_asc: 'int X509_VERIFY_PARAM_set1_ip_asc(void *param, const char *ip)',
  SSL_do_handshake: 'int SSL_do_handshake(void *ssl)',
  SSL_read: 'int SSL_read(void *ssl, void *into, int size)',
  SSL_write: 'int SSL_write(void *ssl, const void *bytes, int size)',
  SSL_shutdown: 'int SSL_shutdown(void *ssl)',
  SSL_get_error: 'int SSL_get_error(void *ssl, int outcome)',
  SSL_get_verify_result: 'long SSL_get_verify_result(void *ssl)',
  X509_verify_cert_error_string: 'const char *X509_verify_cert_error_string(long result)',
  BIO_s_mem: 'void *BIO_s_mem()',
  BIO_new: 'void *BIO_new(void *method)',
  BIO_new_mem_buf: 'void *BIO_new_mem_buf(const void *bytes, int size)',
  BIO_free: 'int BIO_free(void *bio)',
  BIO_ctrl_pending: 'size_t BIO_ctrl_pending(void *bio)',
  BIO_read: 'int BIO_read(void *bio, void *into, int size)',
  BIO_write: 'int BIO_write(void *bio, const void *bytes, int size)',
  ERR_clear_error: 'void ERR_clear_error()',
  ERR_get_error: 'unsigned long ERR_get_error()',
  ERR_reason_error_string: 'const char *ERR_reason_error_string(unsigned long code)',
} as const

type Argument = Pointer | Buffer | number | string | null
type Call<Result> = (...args: Argument[]) => Result

/** By the first word of a prototype: what comes back. */
type ResultOf<Prototype> = Prototype extends `void *${string}`
  ? Pointer | null
  : Prototype extends `const char *${string}`
    ? string | null
    : Prototype extends `void ${string}`
      ? undefined
      : number

export type OpenSsl = {
  readonly [Name in keyof typeof PROTOTYPES]: Call<ResultOf<(typeof PROTOTYPES)[Name]>>
}

/** @throws Error that names the function which this Node does not export */
export function loadOpenSsl(koffi: Koffi): OpenSsl {
  const program = koffi.load(null)
  const entries = Object.entries(PROTOTYPES).map(([name, prototype]) => {
    try {
      return [name, program.func(prototype)]
    } catch (cause) {
      throw new Error(
        `Node ${process.version} lets nobody call ${name}: use the Node of the image`,
        {
          cause,
        },
      )
    }
  })
  return Object.fromEntries(entries) as OpenSsl
}

/** The oldest reason that OpenSSL noted since its errors were cleared; clears them. */
export function takeReason(openSsl: OpenSsl): string {
  const code = openSsl.ERR_get_error()
  openSsl.ERR_clear_error()
  return openSsl.ERR_reason_error_string(code) ?? `error ${code} of OpenSSL`
}
