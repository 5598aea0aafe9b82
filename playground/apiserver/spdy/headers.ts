/**
 * Header blocks of SPDY/3.1: names and values with their lengths, deflated with a dictionary that both sides
 * know. https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/ section 2.6.10.1
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'

export type Headers = Record<string, string>

/** Words that have their length before them, in four bytes. */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin'
/** And text that has not. */
const TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

export const DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.split(' ').map((word) => block(word.replace('_', ' '))),
  Buffer.from(TEXT),
])

function block(text: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(text))
  return Buffer.concat([length, Buffer.from(text)])
}

/** Reads the blocks of one connection, in their order: each goes on where the last one ended. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: DICTIONARY })

  async read(compressed: Buffer): Promise<Headers> {
    return parse(await through(this.#inflate, compressed))
  }

  close(): void {
    this.#inflate.close()
  }
}

export class HeaderWriter {
  readonly #deflate: Deflate = createDeflate({ dictionary: DICTIONARY })

  async write(headers: Headers): Promise<Buffer> {
    const entries = Object.entries(headers)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(entries.length)
    const plain = Buffer.concat([count, ...entries.flat().map(block)])
    return through(this.#deflate, plain)
  }

  close(): void {
    this.#deflate.close()
  }
}

/** What comes out for what goes in, up to the next whole byte. */
function through(stream: Inflate | Deflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const collect = (chunk: Buffer) => chunks.push(chunk)
    const done = (error?: Error | null) => {
      stream.off('data', collect)
      stream.off('error', done)
      if (error) reject(error)
      else resolve(Buffer.concat(chunks))
    }
    stream.on('data', collect)
    stream.once('error', done)
    stream.write(input)
    stream.flush(constants.Z_SYNC_FLUSH, () => done())
  })
}

function parse(plain: Buffer): Headers {
  const headers: Headers = {}
  let at = 4
  const text = () => {
    const length = plain.readUInt32BE(at)
    at += 4 + length
    return plain.toString('utf8', at - length, at)
  }
  for (let left = plain.readUInt32BE(0); left > 0; left--) {
    const name = text()
    headers[name] = text()
  }
  return headers
}
