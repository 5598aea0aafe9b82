/**
 * Passes requests on to a Service or a pod:
 * `/api/v1/namespaces/<ns>/{services,pods}/[http:|https:]<name>[:<port>]/proxy/<path>`.
 */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ApiError, badRequest, notFound } from './api-error.ts'
import type { ApiObject } from './object.ts'
import type { Objects } from './objects.ts'
import { objectsOf } from './pod-defaults.ts'

export interface ProxyTarget {
  kind: 'services' | 'pods'
  scheme: 'http' | 'https'
  namespace: string
  name: string
  /** Number or name of the port; empty for a Service's only one, and for a pod's first. */
  port: string
  /** Path and query behind `/proxy`, beginning with a slash. */
  path: string
}

const PATH =
  /^\/api\/v1\/namespaces\/([a-z0-9-]+)\/(services|pods)\/(?:(https?):)?([a-z0-9.-]+)(?::([a-z0-9-]*))?\/proxy(\/[^?]*)?(\?.*)?$/

/** Null for every other path. */
export function parseProxyPath(url: string): ProxyTarget | null {
  const match = PATH.exec(url)
  if (!match) return null
  const [, namespace = '', kind, scheme = 'http', name = '', port = '', path = '/', query = ''] =
    match
  return {
    kind: kind === 'pods' ? 'pods' : 'services',
    scheme: scheme === 'https' ? 'https' : 'http',
    namespace,
    name,
    port,
    path: path + query,
  }
}

/** The request as it came, without the credentials that were meant for the API server. */
export async function proxyRequest(
  objects: Objects,
  target: ProxyTarget,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { host, port } = addressOf(objects, target)
  const { authorization: _, host: __, ...headers } = request.headers
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method } = request
    const options = { host, port, method, path: target.path, headers }
    const outgoing =
      target.scheme === 'https'
        ? // As in Kubernetes, which has no name and no authority to check a pod's certificate by.
          httpsRequest({ ...options, rejectUnauthorized: false }, resolve)
        : httpRequest(options, resolve)
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

interface Address {
  host: string
  port: number
}

function addressOf(objects: Objects, target: ProxyTarget): Address {
  const resource = objects.registry.builtIn('v1', target.kind)
  const { namespace, name } = target
  const object = objects.find({ resource, namespace, name })
  if (!object) throw notFound(resource, name)
  return target.kind === 'pods' ? podAddress(object, target) : serviceAddress(object, target)
}

function serviceAddress(service: ApiObject, { namespace, name, port }: ProxyTarget): Address {
  const ports = objectsOf(service.spec?.['ports'])
  const found = ports.find((each) => String(each['port']) === port || each['name'] === port)
  const chosen = found ?? (port === '' && ports.length === 1 ? ports[0] : undefined)
  if (!chosen) throw badRequest(`service ${namespace}/${name} has no port "${port}"`)
  return { host: String(service.spec?.['clusterIP']), port: Number(chosen['port']) }
}

function podAddress(pod: ApiObject, { namespace, name, port }: ProxyTarget): Address {
  const host = pod.status?.['podIP']
  if (typeof host !== 'string') {
    throw new ApiError(503, 'ServiceUnavailable', `pod ${namespace}/${name} has no address yet`)
  }
  const ports = objectsOf(pod.spec?.['containers']).flatMap(({ ports }) => objectsOf(ports))
  const named = port === '' ? ports[0] : ports.find((each) => each['name'] === port)
  const number = Number(named?.['containerPort'] ?? port)
  if (!number) throw badRequest(`pod ${namespace}/${name} has no port "${port}"`)
  return { host, port: number }
}

function unreachable({ message }: Error): ApiError {
  return new ApiError(503, 'ServiceUnavailable', `error trying to reach service: ${message}`)
}
