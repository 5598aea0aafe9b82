/** Ends an HTTP server within a known time, whatever its clients do. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

export interface ClosableServer {
  /** Takes no more connections, and resolves once those that are open are gone. */
  close(): Promise<unknown>
  server: Server
}

/** A server of Node's own, which tells its end by a callback. */
export function closable(server: Server): ClosableServer {
  return { server, close: () => new Promise((resolve) => server.close(resolve)) }
}

/** Ends the server; see `endOf`. */
export type End = (graceMs: number) => Promise<void>

/**
 * Follows the connections of a server from its beginning, so that it can end without waiting for those that only
 * stand open: kept alive for a request that may never come, or opened in advance, as browsers do. Node by itself waits
 * for the latter, and for each that was busy when the end began, until it has been idle for its whole keep-alive time.
 * @returns ends it: idle connections at once, each other when its answers are out, and what is left after `graceMs` is cut
 */
export function endOf(app: ClosableServer): End {
  const { server } = app
  /** Answers that are under way, by connection; empty for an idle one. */
  const open = new Map<Socket, Set<ServerResponse>>()
  /** What is below them: with TLS, also connections that have not ended their handshake, and may never. */
  const accepted = new Set<Socket>()
  let isEnding = false

  const answersOn = (socket: Socket): Set<ServerResponse> => {
    const known = open.get(socket)
    if (known) return known
    const answers = new Set<ServerResponse>()
    open.set(socket, answers)
    socket.once('close', () => open.delete(socket))
    return answers
  }

  // With TLS a connection counts from the end of its handshake on, when there is a socket that requests come from.
  const isTls = server instanceof TlsServer
  server.on('connection', (socket: Socket) => {
    accepted.add(socket)
    socket.once('close', () => accepted.delete(socket))
  })
  server.on(isTls ? 'secureConnection' : 'connection', answersOn)
  // Before the listener that answers: it may send its head at once.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const answers = answersOn(socket)
    answers.add(response)
    if (isEnding) announce(response)
    response.once('close', () => {
      answers.delete(response)
      // What is written goes out before.
      if (isEnding && answers.size === 0) socket.destroySoon()
    })
  })

  return async (graceMs) => {
    isEnding = true
    const closed = app.close()
    for (const [socket, answers] of open) {
      if (answers.size === 0) socket.destroy()
      else answers.forEach(announce)
    }
    const timer = setTimeout(() => {
      for (const socket of [...open.keys(), ...accepted]) socket.destroy()
    }, graceMs)
    try {
      await closed
    } finally {
      clearTimeout(timer)
    }
  }
}

/** A client that is told sends its next request elsewhere. */
function announce(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}
