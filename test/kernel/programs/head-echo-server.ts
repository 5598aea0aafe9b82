/**
 * Program of the tests: an HTTP server that says what has reached it. The answer is chunked JSON: its
 * own name, request line and header fields as they came, and size and sha256 of the body. With
 * `?slow=<ms>` the second half of the answer comes that much later. Arguments: name, port.
 */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

/** The answer's JSON. */
export interface Echo {
  name: string
  requestLine: string
  /** In the order and case of the wire. */
  headers: [name: string, value: string][]
  bodyBytes: number
  sha256: string
}

const [name = '', port] = process.argv.slice(2)

createServer(async (request, response) => {
  const hash = createHash('sha256')
  let bodyBytes = 0
  for await (const chunk of request) {
    hash.update(chunk as Buffer)
    bodyBytes += (chunk as Buffer).length
  }
  const { method, url = '', httpVersion, rawHeaders } = request
  const echo: Echo = {
    name,
    requestLine: `${method} ${url} HTTP/${httpVersion}`,
    headers: pairs(rawHeaders),
    bodyBytes,
    sha256: hash.digest('hex'),
  }
  const text = JSON.stringify(echo)
  const slowMs = Number(new URL(url, 'http://echo').searchParams.get('slow'))
  response.setHeader('Content-Type', 'application/json')
  response.write(text.slice(0, 20))
  setTimeout(() => response.end(text.slice(20)), slowMs)
}).listen(Number(port))

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((value, index) => (index % 2 === 0 ? [[value, raw[index + 1] ?? '']] : []))
}
