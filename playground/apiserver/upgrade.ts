/** Requests that ask for another protocol on their connection: signed in and authorized like all others. */
import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, badRequest } from './api-error.ts'
import { type HandlerContext, signInFor } from './handler.ts'
import { execWish, serveExec } from './pod-exec.ts'
import { servePortForward } from './pod-forward.ts'

const PATH = /^\/api\/v1\/namespaces\/([a-z0-9-]+)\/pods\/([a-z0-9.-]+)\/(exec|portforward)$/

/** Takes the connection over, or answers with a Status and ends it. */
export async function handleUpgrade(
  context: HandlerContext,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    signInFor(context, request)
    // The host is of no interest; a base makes the path a URL.
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://apiserver')
    const [, namespace, pod, what] = PATH.exec(pathname) ?? []
    if (namespace === undefined || pod === undefined) {
      throw badRequest('only pods/exec and pods/portforward speak another protocol here')
    }
    const place = { namespace, pod }
    if (what === 'exec') {
      const wish = execWish(context.objects, place, searchParams)
      await serveExec(context.exec(), wish, request, socket, head)
      return
    }
    const resource = context.objects.registry.builtIn('v1', 'pods')
    context.objects.get({ resource, namespace, name: pod })
    servePortForward(context.dial(), place, request, socket, head)
  } catch (error) {
    refuse(socket, error)
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const known =
    error instanceof ApiError
      ? error
      : new ApiError(500, 'InternalError', `Internal error occurred: ${(error as Error).message}`)
  const body = JSON.stringify(known.toStatus())
  const head = [
    `HTTP/1.1 ${known.code} ${STATUS_CODES[known.code] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
