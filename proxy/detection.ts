/**
 * Finds out what a connection speaks: reads from the client and, a moment later, from the original
 * destination, and says what came first. Nothing is delayed by a clock while both sides are silent or
 * speak. One decides only where a client has stopped in the middle of what may become a request line,
 * and where one says nothing while the original destination cannot be reached.
 */
import { Deadlines, type Waiting } from './deadlines.ts'
import { detect, maySettle, nothingSeen, type Seen } from './detect.ts'
import { SPECIMENS } from './specimens.ts'
import type { ByteStream, StreamListener } from './stream.ts'
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

/** For whom a connection is looked at. */
export interface DetectionOwner {
  /** Opens a connection to the original destination. */
  dialOriginal(): ByteStream
  /** The client is gone before anything was decided. */
  onGone(): void
  onDetected(detected: Detected): void
}

export interface DetectionOptions {
  /** Whether there is an original destination to dial. */
  dials: boolean
  /** Milliseconds before the dial. */
  dialDelayMs: number
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
export function detectProtocol(
  client: ByteStream,
  owner: DetectionOwner,
  { dials, dialDelayMs }: DetectionOptions,
): void {
  const detection = new Detection(owner, dials)
  client.listen(detection)
  if (dials) detection.dialIn(dialDelayMs)
}

/** Those that wait for the time to dial, by how long they wait: some few lengths. */
const waits = new Map<number, Deadlines<Detection>>()

function waitsOf(ms: number): Deadlines<Detection> {
  let list = waits.get(ms)
  if (list === undefined) {
    list = new Deadlines<Detection>(ms, (detection) => detection.dial())
    waits.set(ms, list)
  }
  return list
}

/** Listens to the client until it is known what that speaks. */
class Detection implements StreamListener, Waiting {
  due = 0
  earlier: Waiting | null = null
  later: Waiting | null = null
  readonly #owner: DetectionOwner
  readonly #dials: boolean
  #fromClient = NONE
  /** Of a client that has sent too little at first: how far that was looked at, and memory for more. */
  #seen: Seen | null = null
  #room = NONE
  #fromServer = NONE
  #upstream: ByteStream | null = null
  #unreachable = false
  /** The list in which it waits for the time to dial. */
  #waitsIn: Deadlines<Detection> | null = null
  /** What few connections come to: one that cannot be reached, a client that stops, a server that has begun. */
  #timers: NodeJS.Timeout[] | null = null
  #stalled: NodeJS.Timeout | undefined
  #decided = false

  constructor(owner: DetectionOwner, dials: boolean) {
    this.#owner = owner
    this.#dials = dials
  }

  dialIn(ms: number): void {
    if (this.#decided) return
    if (ms === 0) {
      this.dial()
      return
    }
    this.#waitsIn = waitsOf(ms)
    this.#waitsIn.begin(this)
  }

  dial(): void {
    const upstream = this.#owner.dialOriginal()
    this.#upstream = upstream
    upstream.listen(new ServerListener(this))
  }

  onData(chunk: Buffer): void {
    if (this.#decided) return
    this.#fromClient = this.#fromClient.length === 0 ? chunk : this.#joined(chunk)
    if (this.#stalled !== undefined) clearTimeout(this.#stalled)
    const protocol = detect(this.#fromClient, this.#seen)
    if (protocol === 'need-more') {
      this.#seen ??= nothingSeen()
      this.#waitForMore()
      return
    }
    if (protocol !== 'tls') {
      // A server that has begun with SETTINGS does not answer HTTP/1: let the two see for themselves.
      const isCrossed = protocol === 'http1' && this.#fromServer.length > 0
      this.decide(isCrossed ? 'opaque' : protocol)
      return
    }
    // The server cannot answer before it has the whole ClientHello, so waiting for it costs nothing.
    const hello = readClientHello(this.#fromClient)
    if (hello.state === 'need-more') {
      this.#waitForMore()
      return
    }
    if (hello.state === 'no-hello') {
      this.decide('opaque')
      return
    }
    this.decide('tls', hello.sni)
  }

  /** A client that says all it has to say without a request line is no HTTP client. */
  onEnd(): void {
    this.decide('opaque')
  }

  onDrain(): void {}

  onClose(): void {
    if (this.#decided) return
    this.#over()
    this.#upstream?.reset()
    this.#owner.onGone()
  }

  /** Copied together, in memory that grows by half: with each piece anew, all would be copied again and again. */
  #joined(chunk: Buffer): Buffer {
    const before = this.#fromClient
    const length = before.length + chunk.length
    if (length > this.#room.length) {
      this.#room = Buffer.allocUnsafe(length + (length >> 1))
      before.copy(this.#room)
    }
    chunk.copy(this.#room, before.length)
    return this.#room.subarray(0, length)
  }

  #waitForMore(): void {
    // Without an original destination there is nothing that could answer.
    if (!this.#dials) return
    this.#stalled = setTimeout(() => {
      const { length } = this.#fromClient
      const decide = () => {
        if (this.#fromClient.length === length) this.decide('opaque')
      }
      // If this process was held up, what the client has sent meanwhile is read before this, in a turn that
      // tells it at its end.
      setImmediate(() => setImmediate(decide))
    }, STALLED_CLIENT_MS)
  }

  /** A server of HTTP/2 may say its SETTINGS at once; its client speaks first all the same. */
  onServerData(chunk: Buffer): void {
    const first = this.#fromServer.length === 0
    this.#fromServer = Buffer.concat([this.#fromServer, chunk])
    if (!maySettle(this.#fromServer)) {
      this.decide('opaque')
      return
    }
    if (first) this.#decideIn(SETTLED_SERVER_MS)
  }

  onUpstreamClose(error: NodeJS.ErrnoException | null, connected: boolean): void {
    if (this.#decided) return
    if (error === null || connected) {
      this.decide('opaque')
      return
    }
    this.#unreachable = true
    this.#decideIn(UNREACHABLE_HOLD_MS)
  }

  decide(protocol: Detected['protocol'], sni: string | null = null): void {
    if (this.#decided) return
    this.#over()
    SPECIMENS.detection = this
    const isHttp = protocol === 'http1' || protocol === 'h2'
    this.#owner.onDetected({
      protocol,
      sni,
      fromClient: this.#fromClient,
      fromServer: this.#fromServer,
      // HTTP may go elsewhere and dials for itself; other bytes have no other way, and must fail.
      upstream: isHttp && this.#unreachable ? null : this.#upstream,
    })
  }

  #decideIn(ms: number): void {
    this.#timers ??= []
    this.#timers.push(setTimeout(() => this.decide('opaque'), ms))
  }

  #over(): void {
    this.#decided = true
    if (this.#waitsIn !== null) this.#waitsIn.end(this)
    if (this.#stalled !== undefined) clearTimeout(this.#stalled)
    if (this.#timers !== null) for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** Listens to the original destination meanwhile. */
class ServerListener implements StreamListener {
  readonly #detection: Detection
  #connected = false

  constructor(detection: Detection) {
    this.#detection = detection
  }

  onConnect(): void {
    this.#connected = true
  }

  onData(chunk: Buffer): void {
    this.#detection.onServerData(chunk)
  }

  /** Its end, and that of an established connection, are passed on by whoever takes over. */
  onEnd(): void {
    this.#detection.decide('opaque')
  }

  onDrain(): void {}

  onClose(error: NodeJS.ErrnoException | null): void {
    this.#detection.onUpstreamClose(error, this.#connected)
  }
}
