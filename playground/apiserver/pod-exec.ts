/** `kubectl exec`: a command in a running container, its streams in the messages of one WebSocket. */
import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { ApiError, badRequest } from './api-error.ts'
import type { JsonObject } from './object.ts'
import type { Objects } from './objects.ts'
import { containerOf } from './pod-log.ts'

export interface ExecWish {
  namespace: string
  pod: string
  container: string
  command: string[]
  /** Whether the caller has something to write to it. */
  stdin: boolean
}

/** A command that runs. */
export interface ExecSession {
  stdin: Writable
  stdout: Readable
  stderr: Readable
  /** Exit code, once all output has come. */
  exit: Promise<number>
  kill(): void
}

/** Starts a command in a container; rejects with a sentence if that does not run. */
export type ExecProvider = (wish: ExecWish) => Promise<ExecSession>

/** The first byte of each message says which stream the rest belongs to. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const
/** Newest first. Version 5 can end one stream before the others. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
/** Bytes on their way to a slow reader beyond which the command waits. */
const MAX_BACKLOG = 1024 * 1024

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => PROTOCOLS.find((one) => offered.has(one)) ?? false,
})

/** What a request asks to be run; throws what `kubectl` is to show. */
export function execWish(
  objects: Objects,
  place: { namespace: string; pod: string },
  query: URLSearchParams,
): ExecWish {
  const resource = objects.registry.builtIn('v1', 'pods')
  const { namespace, pod: name } = place
  const pod = objects.get({ resource, namespace, name })
  const command = query.getAll('command')
  const isTrue = (flag: string) => ['true', '1'].includes(query.get(flag) ?? '')
  if (command.length === 0) throw badRequest('you must specify at least 1 command')
  if (isTrue('tty')) {
    throw badRequest('the playground has no terminals: run kubectl exec without -t')
  }
  const container = containerOf(pod, resource, query.get('container'))
  return { ...place, container, command, stdin: isTrue('stdin') }
}

/** Starts the command first, so that a refusal is an HTTP answer, then speaks by WebSocket. */
export async function serveExec(
  provider: ExecProvider | null,
  wish: ExecWish,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  if (!provider) {
    throw new ApiError(503, 'ServiceUnavailable', `no kubelet runs pod ${wish.pod}`)
  }
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/, */)
  if (!offered.some((one) => PROTOCOLS.includes(one))) {
    throw badRequest(`the streams of a command are spoken of by ${PROTOCOLS.join(' or ')} alone`)
  }
  const session = await provider(wish).catch((error: Error) => {
    throw new ApiError(500, 'InternalError', error.message)
  })
  sockets.handleUpgrade(request, socket, head, (websocket) => connect(websocket, session, wish))
}

function connect(websocket: WebSocket, session: ExecSession, { stdin }: ExecWish): void {
  const send = (channel: number, data: Buffer) =>
    websocket.send(Buffer.concat([Buffer.from([channel]), data]))
  forward(session.stdout, CHANNEL.stdout, websocket, send)
  forward(session.stderr, CHANNEL.stderr, websocket, send)
  // A command may end without having read its input.
  session.stdin.on('error', () => {})
  if (!stdin) session.stdin.end()
  websocket.on('message', (message: Buffer) => {
    if (message[0] === CHANNEL.stdin) session.stdin.write(message.subarray(1))
    if (message[0] === CHANNEL.close && message[1] === CHANNEL.stdin) session.stdin.end()
  })
  websocket.on('error', () => websocket.terminate())
  websocket.on('close', () => session.kill())
  void session.exit.then((code) => {
    send(CHANNEL.error, Buffer.from(JSON.stringify(statusOf(code))))
    websocket.close(1000)
  })
}

function forward(
  stream: Readable,
  channel: number,
  websocket: WebSocket,
  send: (channel: number, data: Buffer) => void,
): void {
  stream.on('data', (data: Buffer) => {
    send(channel, data)
    if (websocket.bufferedAmount < MAX_BACKLOG) return
    stream.pause()
    const timer = setInterval(() => {
      const gone = websocket.readyState !== websocket.OPEN
      if (!gone && websocket.bufferedAmount >= MAX_BACKLOG) return
      clearInterval(timer)
      stream.resume()
    }, 10)
  })
}

function statusOf(code: number): JsonObject {
  if (code === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: error executing command: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}
