/**
 * Program of the tests: an HTTP server that says what has reached it. The answer is chunked JSON: its
 * own name, request line and header fields as they came, and size and sha256 of the body. The second half
 * of the answers to `/slow` comes when somebody asks for `/go-on`. Arguments: name, port.
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
/** Each brings the second half of an answer. */
const waiting: (() => void)[] = []

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
  response.setHeader('Content-Type', 'application/json')
  response.write(text.slice(0, 20))
  if (url === '/slow') waiting.push(() => response.end(text.slice(20)))
  else response.end(text.slice(20))
  if (url === '/go-on') for (const goOn of waiting.splice(0)) goOn()
}).listen(Number(port))

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((value, index) => (index % 2 === 0 ? [[value, raw[index + 1] ?? '']] : []))
}
