/**
 * `kubectl port-forward`: connections to ports of a pod. kubectl speaks SPDY/3.1; each connection is a pair of
 * streams, one for what is sent and one for what went wrong. (kubectl first tries SPDY inside of a WebSocket, and
 * takes this where a server has none of that.)
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import { ApiError, badRequest } from './api-error.ts'
import { controlFrame, dataFrame, FIN, type Frame, FrameReader, TYPE } from './spdy/frames.ts'
import { HeaderReader, HeaderWriter } from './spdy/headers.ts'

/** A connection to a port inside of a pod. */
export interface PodConnection {
  toPod: Writable
  fromPod: Readable
  /** Null once it has ended in order, or why it has not. */
  ended: Promise<string | null>
  destroy(): void
}

export type DialProvider = (namespace: string, pod: string, port: number) => Promise<PodConnection>

const PROTOCOL = 'portforward.k8s.io'
/** Bytes on their way to a slow reader beyond which the pod waits. */
const MAX_BACKLOG = 1024 * 1024

export function servePortForward(
  dial: DialProvider | null,
  { namespace, pod }: { namespace: string; pod: string },
  { headers }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  if (!dial) throw new ApiError(503, 'ServiceUnavailable', `no kubelet runs pod ${pod}`)
  const versions = String(headers['x-stream-protocol-version'] ?? '').split(/, */)
  if (headers.upgrade?.toUpperCase() !== 'SPDY/3.1' || !versions.includes(PROTOCOL)) {
    throw badRequest(`ports are forwarded by SPDY/3.1 and ${PROTOCOL} alone`)
  }
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'connection: Upgrade',
    'upgrade: SPDY/3.1',
    `x-stream-protocol-version: ${PROTOCOL}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const forwarding = new Forwarding(socket, (port) => dial(namespace, pod, port))
  forwarding.receive(head)
}

/** All connections of one `kubectl port-forward`. */
class Forwarding {
  readonly #socket: Duplex
  readonly #dial: (port: number) => Promise<PodConnection>
  readonly #frames = new FrameReader()
  readonly #reader = new HeaderReader()
  readonly #writer = new HeaderWriter()
  /** Error streams by the request that they belong to, and connections by their data stream. */
  readonly #errors = new Map<string, number>()
  readonly #connections = new Map<number, PodConnection>()
  /** Headers build on one another, so that frames are taken one after the other. */
  #working: Promise<void> = Promise.resolve()

  constructor(socket: Duplex, dial: (port: number) => Promise<PodConnection>) {
    this.#socket = socket
    this.#dial = dial
    socket.on('data', (bytes: Buffer) => this.receive(bytes))
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      for (const connection of this.#connections.values()) connection.destroy()
      this.#reader.close()
      this.#writer.close()
    })
  }

  receive(bytes: Buffer): void {
    for (const frame of this.#frames.read(bytes)) {
      this.#working = this.#working
        .then(() => this.#take(frame))
        .catch(() => void this.#socket.destroy())
    }
  }

  #send(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(frame)
  }

  async #take(frame: Frame): Promise<void> {
    if (frame.kind === 'data') return this.#data(frame.stream, frame.data, frame.flags)
    if (frame.type === TYPE.ping) return this.#send(controlFrame(TYPE.ping, frame.data))
    if (frame.type === TYPE.rstStream) {
      this.#connections.get(frame.data.readUInt32BE(0))?.destroy()
      return
    }
    if (frame.type === TYPE.synStream) await this.#open(frame.data)
  }

  #data(stream: number, data: Buffer, flags: number): void {
    const connection = this.#connections.get(stream)
    if (!connection) return
    if (data.length > 0) connection.toPod.write(data)
    if (flags & FIN) connection.toPod.end()
  }

  async #open(data: Buffer): Promise<void> {
    const stream = data.readUInt32BE(0)
    const headers = await this.#reader.read(data.subarray(10))
    const id = Buffer.alloc(4)
    id.writeUInt32BE(stream)
    const reply = Buffer.concat([id, await this.#writer.write({})])
    const { streamtype, port = '', requestid = port } = headers
    if (streamtype === 'error') this.#errors.set(requestid, stream)
    if (streamtype === 'data') await this.#connect(stream, requestid, Number(port))
    this.#send(controlFrame(TYPE.synReply, reply))
    this.#connections.get(stream)?.fromPod.resume()
  }

  async #connect(stream: number, request: string, port: number): Promise<void> {
    const fail = (message: string | null) => this.#finish(stream, request, message)
    const connection = await this.#dial(port).catch((error: Error) => {
      // After the reply, which the client waits for first.
      setImmediate(fail, error.message)
      return null
    })
    if (!connection) return
    this.#connections.set(stream, connection)
    // The pod may have closed before all was sent.
    connection.toPod.on('error', () => {})
    connection.fromPod.on('data', (chunk: Buffer) => {
      this.#send(dataFrame(stream, chunk))
      this.#holdBack(connection.fromPod)
    })
    connection.fromPod.pause()
    void connection.ended.then(fail)
  }

  #holdBack(stream: Readable): void {
    const socket = this.#socket
    if (socket.writableLength < MAX_BACKLOG) return
    stream.pause()
    const resume = () => {
      socket.off('drain', resume)
      socket.off('close', resume)
      stream.resume()
    }
    socket.on('drain', resume)
    socket.on('close', resume)
  }

  #finish(stream: number, request: string, fault: string | null): void {
    this.#connections.delete(stream)
    const errors = this.#errors.get(request)
    this.#errors.delete(request)
    this.#send(dataFrame(stream, Buffer.alloc(0), FIN))
    if (errors !== undefined) this.#send(dataFrame(errors, Buffer.from(fault ?? ''), FIN))
  }
}
