/** Passes a request on to the server behind an APIService, and its answer back, as streams. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { User } from '../caller.ts'
import type { IssuedCertificate } from '../certificates.ts'
import { sendText } from '../http-answer.ts'
import type { ServiceConnections } from '../service-connections.ts'
import type { Store } from '../store.ts'
import { type AggregatedApi, addressOf } from './api-services.ts'
import { forwardedHeaders, remoteHeaders } from './front-proxy.ts'

export interface ForwardContext {
  store: Store
  connections: ServiceConnections
  certificate: IssuedCertificate
}

/** Answers 503 in Kubernetes' words where nobody is there. */
export async function forwardRequest(
  context: ForwardContext,
  api: AggregatedApi,
  user: User,
  path: string,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  if (!api.available) return sendText(response, 'service unavailable\n', 503)
  let answer: IncomingMessage
  try {
    answer = await send(context, api, user, path, request, response)
  } catch (error) {
    const message = `error trying to reach service: ${(error as Error).message}\n`
    return sendText(response, message, 503)
  }
  response.writeHead(answer.statusCode ?? 502, forwardedHeaders(answer.headers))
  // Head first: whoever follows a stream must not wait for its first line.
  response.flushHeaders()
  answer.on('error', () => response.destroy())
  answer.pipe(response)
}

function send(
  { store, connections, certificate }: ForwardContext,
  api: AggregatedApi,
  user: User,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage> {
  const { certPem: cert, keyPem: key } = certificate
  const address = addressOf(store, api)
  const hasBody = !['GET', 'HEAD'].includes(request.method ?? '')
  const attempt = (again: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = httpsRequest({
        ...connections.optionsFor(address, { ...api.identity, cert, key }),
        method: request.method,
        path,
        headers: {
          ...forwardedHeaders(request.headers),
          ...remoteHeaders(user),
          host: `${address.serverName}:${address.port}`,
        },
      })
      outgoing.on('response', resolve)
      outgoing.on('error', (error) => {
        // A kept connection that the other side has just closed; what has no body can be asked again.
        if (again && !hasBody && outgoing.reusedSocket) resolve(attempt(false))
        else reject(error)
      })
      response.on('close', () => outgoing.destroy())
      if (hasBody) request.pipe(outgoing)
      else outgoing.end()
    })
  return attempt(true)
}
