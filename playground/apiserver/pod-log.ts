/** Serves a pod's log from whoever runs the pod. */
import { badRequest, notFound } from './api-error.ts'
import type { ApiObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'
import type { Resource } from './resources.ts'

export interface LogOptions {
  /** Goes on with what the container prints later. */
  follow: boolean
  /** At most so many lines from the end; null for all. */
  tailLines: number | null
  /** The log of the container's run before this one. */
  previous: boolean
  /** Puts the time before each line. */
  timestamps: boolean
  /** Ends the log when the reader goes away. */
  signal: AbortSignal
}

/**
 * Opens a container's log. Rejects with a sentence if there is none (yet).
 */
export type LogProvider = (
  namespace: string,
  pod: string,
  container: string,
  options: LogOptions,
) => AsyncIterable<Uint8Array | string> | Promise<AsyncIterable<Uint8Array | string>>

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container'

/** The container whose log is meant; throws 400 if that is not clear. */
export function containerOf(pod: ApiObject, resource: Resource, asked: string | null): string {
  const names = (list: string) => objectsOf(pod.spec?.[list]).map(({ name }) => String(name))
  const containers = names('containers')
  const all = [...containers, ...names('initContainers'), ...names('ephemeralContainers')]
  if (asked) {
    if (all.includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`)
  }
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER]
  if (preferred && all.includes(preferred)) return preferred
  const [only] = containers
  if (only === undefined) throw notFound(resource, pod.metadata.name)
  if (containers.length === 1) return only
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${containers.join(' ')}]`,
  )
}

export function readLogOptions(query: URLSearchParams, signal: AbortSignal): LogOptions {
  const tail = query.get('tailLines')
  if (tail !== null && !/^\d+$/.test(tail)) {
    throw badRequest(`tailLines=${tail}: it must be a whole number, 0 or more`)
  }
  const isTrue = (name: string) => ['true', '1'].includes(query.get(name) ?? '')
  return {
    follow: isTrue('follow'),
    tailLines: tail === null ? null : Number(tail),
    previous: isTrue('previous'),
    timestamps: isTrue('timestamps'),
    signal,
  }
}
