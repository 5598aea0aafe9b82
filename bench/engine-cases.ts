/** The exchanges that the engine's benchmark measures, as the bytes that are on the wire. */

export interface EngineCase {
  name: string
  request: Buffer[]
  answer: Buffer[]
  /** A connection of its own for each exchange. */
  connects?: boolean
  /** Where 16 digits of the request stand that are others with each exchange. */
  digitsAt?: number
}

export const TABLE_SIZES = [10, 1000, 10_000]

const HOST = 'Host: service-7:8080\r\n'

const BROWSER_FIELDS = [
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="142", "Not_A Brand";v="99", "Google Chrome";v="142"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-User: ?1',
  'Sec-Fetch-Dest: document',
  'Referer: http://service-7:8080/catalogue/start',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7',
]

const ANSWER_FIELDS =
  'Server: nginx\r\nDate: Sat, 21 Nov 2026 20:00:00 GMT\r\nContent-Type: text/plain\r\n'

export function engineCases(): EngineCase[] {
  const small = `GET / HTTP/1.1\r\n${HOST}\r\n`
  const browser = `GET /catalogue/list?page=2&sort=price HTTP/1.1\r\n${HOST}${BROWSER_FIELDS.join('\r\n')}\r\n\r\n`
  const post = `POST /orders HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 2048\r\n\r\n`
  const parent = `traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n`
  const traced = small.replace('\r\n\r\n', `\r\n${parent}\r\n`)
  const tracedBrowser = browser.replace('Referer', `${parent}Referer`)
  const digitsIn = (text: string) => text.indexOf(parent) + 'traceparent: 00-'.length
  const plain = answerOf(27)
  const chunk = (size: number) => `${size.toString(16)}\r\n${'c'.repeat(size)}\r\n`
  const chunked = `HTTP/1.1 200 OK\r\n${ANSWER_FIELDS}Transfer-Encoding: chunked\r\n\r\n${chunk(500)}${chunk(300)}0\r\n\r\n`
  const closing = small.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  return [
    { name: 'small GET', request: buffers(small), answer: plain },
    { name: 'browser GET', request: buffers(browser), answer: plain },
    { name: 'traced GET', request: buffers(traced), answer: plain, digitsAt: digitsIn(traced) },
    {
      name: 'traced browser GET',
      request: buffers(tracedBrowser),
      answer: plain,
      digitsAt: digitsIn(tracedBrowser),
    },
    { name: '16 KiB answer', request: buffers(small), answer: answerOf(16_384) },
    { name: 'chunked answer', request: buffers(small), answer: buffers(chunked) },
    { name: 'POST 2 KiB', request: buffers(post + 'p'.repeat(2048)), answer: plain },
    { name: 'new connection', request: buffers(closing), answer: plain, connects: true },
  ]
}

function answerOf(length: number): Buffer[] {
  const head = `HTTP/1.1 200 OK\r\n${ANSWER_FIELDS}Content-Length: ${length}\r\nETag: "5f2-61"\r\nAccept-Ranges: bytes\r\n\r\n`
  return buffers(head + 'b'.repeat(length))
}

function buffers(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'))
}
