/**
 * Finds out what a connection speaks: reads from the client and, a moment later, from the original
 * destination, and says what came first. Nothing is delayed by a clock while both sides are silent or
 * speak. One decides only where a client has stopped in the middle of what may become a request line,
 * and where one says nothing while the original destination cannot be reached.
 */
import { detect, maySettle } from './detect.ts'
import type { ByteStream } from './stream.ts'
import { readClientHello } from './tls-client-hello.ts'

export interface Detected {
  protocol: 'http1' | 'h2' | 'tls' | 'opaque'
  /** Server name of the ClientHello. */
  sni: string | null
  /** What the client has sent so far. */
  fromClient: Buffer
  /** What the server has sent so far: not empty only where it spoke before the client was known. */
  fromServer: Buffer
  /** The connection to the original destination, if it was dialled already. */
  upstream: ByteStream | null
}

export interface DetectionOptions {
  /** Opens a connection to the original destination; null if there is none to dial. */
  dial: (() => ByteStream) | null
  /** Milliseconds before the dial. */
  dialDelayMs: number
  /** The client is gone before anything was decided. */
  onGone: () => void
  onDetected: (detected: Detected) => void
}

/**
 * How long a client that has said nothing is kept, in ms, when the original destination cannot be
 * reached. An HTTP client speaks within that, and may be routed to a version that can be reached; one
 * that waits for the server's greeting must hear of the failure, as it would without a proxy.
 */
const UNREACHABLE_HOLD_MS = 500

/**
 * How long a client may stop in the middle of what may become a request line or a ClientHello, in ms.
 * ZooKeeper's clients send `ruok` and wait for the answer, which would never come. An HTTP client sends
 * a request line at once; 1 s outlasts a lost packet that is lost again (sent after 200 and 400 ms more).
 */
export const STALLED_CLIENT_MS = 1000

/**
 * How long a client is waited for whose server has begun with what look like SETTINGS of HTTP/2, in ms.
 * Such a client sends its preface at once; any other waits for those bytes and gets them a little late.
 */
const SETTLED_SERVER_MS = 1000

const NONE: Buffer = Buffer.alloc(0)

/** Starts the detection on a connection that nobody listens to yet. */
export function detectProtocol(client: ByteStream, options: DetectionOptions): void {
  new Detection(client, options).start()
}

class Detection {
  readonly #client: ByteStream
  readonly #options: DetectionOptions
  #fromClient = NONE
  #fromServer = NONE
  #upstream: ByteStream | null = null
  #connected = false
  #unreachable = false
  #timer: NodeJS.Timeout | undefined
  #stalled: NodeJS.Timeout | undefined
  #settled: NodeJS.Timeout | undefined
  #decided = false

  constructor(client: ByteStream, options: DetectionOptions) {
    this.#client = client
    this.#options = options
  }

  start(): void {
    const { dial, dialDelayMs } = this.#options
    this.#client.listen({
      onData: (chunk) => this.#onClientData(chunk),
      // A client that says all it has to say without a request line is no HTTP client.
      onEnd: () => this.#decide('opaque', null),
      onDrain: () => {},
      onClose: () => this.#abandon(),
    })
    if (dial === null || this.#decided) return
    if (dialDelayMs === 0) this.#dial(dial)
    else this.#timer = setTimeout(() => this.#dial(dial), dialDelayMs)
  }

  #onClientData(chunk: Buffer): void {
    if (this.#decided) return
    this.#fromClient =
      this.#fromClient.length === 0 ? chunk : Buffer.concat([this.#fromClient, chunk])
    clearTimeout(this.#stalled)
    const protocol = detect(this.#fromClient)
    if (protocol === 'need-more') {
      this.#waitForMore()
      return
    }
    if (protocol !== 'tls') {
      // A server that has begun with SETTINGS does not answer HTTP/1: let the two see for themselves.
      const isCrossed = protocol === 'http1' && this.#fromServer.length > 0
      this.#decide(isCrossed ? 'opaque' : protocol, null)
      return
    }
    // The server cannot answer before it has the whole ClientHello, so waiting for it costs nothing.
    const hello = readClientHello(this.#fromClient)
    if (hello.state === 'need-more') {
      this.#waitForMore()
      return
    }
    if (hello.state === 'no-hello') {
      this.#decide('opaque', null)
      return
    }
    this.#decide('tls', hello.sni)
  }

  #waitForMore(): void {
    // Without an original destination there is nothing that could answer.
    if (this.#options.dial === null) return
    this.#stalled = setTimeout(() => {
      const { length } = this.#fromClient
      // If this process was held up, what the client has sent meanwhile is read before this.
      setImmediate(() => {
        if (this.#fromClient.length === length) this.#decide('opaque', null)
      })
    }, STALLED_CLIENT_MS)
  }

  #dial(dial: () => ByteStream): void {
    const upstream = dial()
    this.#upstream = upstream
    upstream.listen({
      onConnect: () => {
        this.#connected = true
      },
      onData: (chunk) => this.#onServerData(chunk),
      // Its end, and that of an established connection, are passed on by whoever takes over.
      onEnd: () => this.#decide('opaque', null),
      onDrain: () => {},
      onClose: (error) => this.#onUpstreamClose(error),
    })
  }

  /** A server of HTTP/2 may say its SETTINGS at once; its client speaks first all the same. */
  #onServerData(chunk: Buffer): void {
    this.#fromServer = Buffer.concat([this.#fromServer, chunk])
    if (!maySettle(this.#fromServer)) {
      this.#decide('opaque', null)
      return
    }
    this.#settled ??= setTimeout(() => this.#decide('opaque', null), SETTLED_SERVER_MS)
  }

  #onUpstreamClose(error: NodeJS.ErrnoException | null): void {
    if (this.#decided) return
    if (error === null || this.#connected) {
      this.#decide('opaque', null)
      return
    }
    this.#unreachable = true
    this.#timer = setTimeout(() => this.#decide('opaque', null), UNREACHABLE_HOLD_MS)
  }

  #decide(protocol: Detected['protocol'], sni: string | null): void {
    if (this.#decided) return
    this.#decided = true
    clearTimeout(this.#timer)
    clearTimeout(this.#stalled)
    clearTimeout(this.#settled)
    const isHttp = protocol === 'http1' || protocol === 'h2'
    this.#options.onDetected({
      protocol,
      sni,
      fromClient: this.#fromClient,
      fromServer: this.#fromServer,
      // HTTP may go elsewhere and dials for itself; other bytes have no other way, and must fail.
      upstream: isHttp && this.#unreachable ? null : this.#upstream,
    })
  }

  #abandon(): void {
    if (this.#decided) return
    this.#decided = true
    clearTimeout(this.#timer)
    clearTimeout(this.#stalled)
    clearTimeout(this.#settled)
    this.#upstream?.reset()
    this.#options.onGone()
  }
}
