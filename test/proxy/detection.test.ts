import { expect, test } from '@jest/globals'
import { type Detected, detectProtocol } from '../../proxy/detection.ts'
import type { ByteStream, StreamListener } from '../../proxy/stream.ts'

/** Tells a detection these pieces, and says what it found with the last of them. */
function detectionOf(pieces: Iterable<Buffer>): Detected | null {
  let listener: StreamListener | null = null
  let detected: Detected | null = null
  const client: Pick<ByteStream, 'listen'> = {
    listen: (one) => {
      listener = one
    },
  }
  const owner = {
    dialOriginal: (): never => {
      throw new Error('nobody is to be dialled')
    },
    onGone: () => {},
    onDetected: (found: Detected) => {
      detected = found
    },
  }
  detectProtocol(client as ByteStream, owner, { dials: false, dialDelayMs: 0 })
  for (const piece of pieces) {
    if (detected !== null) throw new Error('decided before the last piece')
    ;(listener as StreamListener | null)?.onData(piece)
  }
  return detected
}

test.each([
  ['a request line', Buffer.from(`GET /${'a'.repeat(60_000)} HTTP/1`), 'http1'],
  ['line ends', Buffer.from(`${'\r\n'.repeat(30_000)}GET / HTTP/1`), 'http1'],
  ['blanks', Buffer.from(`GET ${' '.repeat(60_000)}/ HTTP/1`), 'http1'],
  [
    'a ClientHello that is spread over too many records',
    Buffer.concat([Buffer.of(22, 3, 1, 0, 4, 1, 0, 0x7f, 0xff), ...records(64)]),
    'opaque',
  ],
])(
  '%s that comes byte by byte is looked at once, and handed on as it came',
  (_, bytes, protocol) => {
    const start = performance.now()
    const detected = detectionOf([...bytes].map((byte) => Buffer.of(byte)))
    expect(detected).toMatchObject({ protocol, sni: null })
    expect(detected?.fromClient.equals(bytes)).toBe(true)
    // Some 50 ms; with all gone through again at each byte, 20 s.
    expect(performance.now() - start).toBeLessThan(8_000)
  },
)

/** Records of TLS with a byte each; of the last one there is no more than that it begins. */
function records(count: number): Buffer[] {
  const all = Buffer.concat(new Array<Buffer>(count).fill(Buffer.of(22, 3, 1, 0, 1, 0)))
  return [all.subarray(0, all.length - 1)]
}
