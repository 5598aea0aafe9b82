/** Answers GET: one object, a list, a watch, a pod's log. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApiError, badRequest, methodNotAllowed } from './api-error.ts'
import { sendJson } from './http-answer.ts'
import { listObjects } from './list.ts'
import type { JsonObject } from './object.ts'
import type { Objects } from './objects.ts'
import { containerOf, type LogProvider, readLogOptions } from './pod-log.ts'
import { type Form, formOf, renderList, renderObject } from './representation.ts'
import type { Target } from './request-path.ts'
import { apiVersionOf, type Resource, storageOf } from './resources.ts'
import { scaleOf } from './scale.ts'
import { selectionOf } from './selectors.ts'
import { convert } from './versions.ts'
import { startWatch, type WatchEvent } from './watch.ts'

export interface ReadContext {
  objects: Objects
  logs: () => LogProvider | null
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  query: URLSearchParams
}

/** A reader that lags behind by more than this (bytes) is cut off; it lists again. */
const MAX_BACKLOG = 32 * 1024 * 1024

/** Parts of an object that are read as the object. */
const READABLE = new Set(['ephemeralcontainers', 'scale', 'status'])

export async function answerGet(
  { objects, logs }: ReadContext,
  target: Target,
  exchange: Exchange,
): Promise<void> {
  const { request, response, query } = exchange
  const { resource, namespace, name, subresource } = target
  const form = formOf(request.headers.accept ?? '', query)
  const now = objects.now()
  if (['true', '1'].includes(query.get('watch') ?? '')) {
    if (name) query.append('fieldSelector', `metadata.name=${name}`)
    streamWatch(objects, target, exchange, form)
    return
  }
  if (!name) {
    const list = listObjects(objects.store, resource, namespace, query)
    sendJson(response, renderList(list, form, now))
    return
  }
  const object = objects.get({ resource, namespace, name })
  if (subresource === 'log') {
    await streamLog(logs(), exchange, {
      namespace: namespace ?? '',
      pod: name,
      container: containerOf(object, resource, query.get('container')),
    })
    return
  }
  if (subresource === 'exec' || subresource === 'portforward')
    throw badRequest('Upgrade request required')
  if (subresource && !READABLE.has(subresource)) throw methodNotAllowed()
  sendJson(response, renderObject(subresource === 'scale' ? scaleOf(object) : object, form, now))
}

function streamWatch(
  objects: Objects,
  { resource, namespace }: Target,
  { request, response, query }: Exchange,
  form: Form,
): void {
  const from = query.get('resourceVersion')
  if (from && !/^\d+$/.test(from)) throw badRequest(`resourceVersion=${from}: it must be a number`)
  const seconds = Number(query.get('timeoutSeconds') ?? 0)
  const select = selectionOf(query)
  const initial = query.get('sendInitialEvents') === 'true'
  let stop = () => {}
  const pending: string[] = []
  // What is there from the start goes out in one write, after the head.
  let started = false
  const send = (event: WatchEvent) => {
    const line = `${JSON.stringify(renderEvent(resource, event, form, objects.now()))}\n`
    if (!started) pending.push(line)
    else if (!response.write(line) && response.writableLength > MAX_BACKLOG) response.destroy()
  }
  stop = startWatch(
    objects.store,
    {
      storage: storageOf(resource),
      namespace,
      select: (object) => select(convert(resource, object)),
      from: initial || from === null ? null : Number(from),
      markInitialEnd: initial,
      bookmarks: ['true', '1'].includes(query.get('allowWatchBookmarks') ?? ''),
    },
    send,
  )
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
  response.flushHeaders()
  started = true
  if (pending.length > 0) response.write(pending.join(''))
  const timer = seconds > 0 ? setTimeout(() => response.end(), seconds * 1000) : undefined
  const end = () => {
    clearTimeout(timer)
    stop()
  }
  response.on('close', end)
  request.on('error', end)
}

function renderEvent(resource: Resource, event: WatchEvent, form: Form, now: Date): JsonObject {
  if (event.type !== 'BOOKMARK') {
    const object = convert(resource, event.object)
    return { type: event.type, object: renderObject(object, form, now) }
  }
  const metadata: JsonObject = { resourceVersion: `${event.version}`, creationTimestamp: null }
  if (event.initialEnd) metadata['annotations'] = { 'k8s.io/initial-events-end': 'true' }
  if (form.as === 'table') {
    const object = {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: [],
      rows: [],
    }
    return { type: 'BOOKMARK', object }
  }
  const kind = form.as === 'metadata' ? 'PartialObjectMetadata' : resource.kind
  const apiVersion = form.as === 'metadata' ? 'meta.k8s.io/v1' : apiVersionOf(resource)
  return { type: 'BOOKMARK', object: { kind, apiVersion, metadata } }
}

async function streamLog(
  provider: LogProvider | null,
  { response, query }: Exchange,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
): Promise<void> {
  if (!provider) {
    throw new ApiError(503, 'ServiceUnavailable', `no kubelet serves the log of pod ${pod}`)
  }
  const left = new AbortController()
  response.on('close', () => left.abort())
  let lines: AsyncIterable<Uint8Array | string>
  try {
    lines = await provider(namespace, pod, container, readLogOptions(query, left.signal))
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw badRequest((error as Error).message)
  }
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  for await (const chunk of lines) {
    if (left.signal.aborted) return
    if (!response.write(chunk)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
    }
  }
  response.end()
}
