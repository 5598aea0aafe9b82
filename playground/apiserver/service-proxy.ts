/** Passes requests on to a Service: `/api/v1/namespaces/<ns>/services/<name>:<port>/proxy/<path>`. */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { ApiError, badRequest, notFound } from './api-error.ts'
import type { ApiObject } from './object.ts'
import type { Objects } from './objects.ts'
import { objectsOf } from './pod-defaults.ts'

export interface ServiceProxyTarget {
  namespace: string
  name: string
  /** Number or name of the Service's port; empty for its only one. */
  port: string
  /** Path and query behind `/proxy`, beginning with a slash. */
  path: string
}

const PATH =
  /^\/api\/v1\/namespaces\/([a-z0-9-]+)\/services\/(?:http:)?([a-z0-9-]+)(?::([a-z0-9-]+))?\/proxy(\/[^?]*)?(\?.*)?$/

/** Null for every other path. Only plain HTTP is served. */
export function parseServiceProxyPath(url: string): ServiceProxyTarget | null {
  const match = PATH.exec(url)
  if (!match) return null
  const [, namespace = '', name = '', port = '', path = '/', query = ''] = match
  return { namespace, name, port, path: path + query }
}

/** The request as it came, without the credentials that were meant for the API server. */
export async function proxyToService(
  objects: Objects,
  target: ServiceProxyTarget,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { ip, port } = addressOf(objects, target)
  const { authorization: _, host: __, ...headers } = request.headers
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { host: ip, port, method: request.method, path: target.path, headers }
    const outgoing = httpRequest(options, resolve)
    outgoing.on('error', (error) => reject(unreachable(error)))
    response.on('close', () => outgoing.destroy())
    request.pipe(outgoing)
  })
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  // Head first: whoever follows a stream must not wait for its first line.
  response.flushHeaders()
  answer.on('error', () => response.destroy())
  answer.pipe(response)
}

function addressOf(
  objects: Objects,
  { namespace, name, port }: ServiceProxyTarget,
): { ip: string; port: number } {
  const resource = objects.registry.find('v1', 'services')
  if (!resource) throw new Error('services are not served')
  const service: ApiObject | undefined = objects.find({ resource, namespace, name })
  if (!service) throw notFound(resource, name)
  const ports = objectsOf(service.spec?.['ports'])
  const found = ports.find((each) => String(each['port']) === port || each['name'] === port)
  const chosen = found ?? (port === '' && ports.length === 1 ? ports[0] : undefined)
  if (!chosen) throw badRequest(`service ${namespace}/${name} has no port "${port}"`)
  return { ip: String(service.spec?.['clusterIP']), port: Number(chosen['port']) }
}

function unreachable({ message }: Error): ApiError {
  return new ApiError(503, 'ServiceUnavailable', `error trying to reach service: ${message}`)
}
