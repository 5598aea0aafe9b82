/** Decides what a delete request does to an object: nothing yet, mark it, or take it out. */
import { conflict } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject, timestamp } from './object.ts'
import type { Resource } from './resources.ts'

/** The object stays until the garbage collector has deleted what it owns. */
export const FOREGROUND = 'foregroundDeletion'
/** The object stays until the garbage collector has freed what it owns. */
export const ORPHAN = 'orphan'

export interface DeleteOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  preconditions?: { uid?: string; resourceVersion?: string }
}

export type Deletion =
  | { do: 'remove' }
  /** Store this state: it is on its way out. */
  | { do: 'mark'; next: ApiObject }
  | { do: 'nothing' }

/** Reads the options from a delete request's body and query; the query wins. */
export function readDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions & { orphanDependents?: boolean } = isObject(body) ? { ...body } : {}
  const grace = query.get('gracePeriodSeconds')
  if (grace !== null) options.gracePeriodSeconds = Number(grace)
  const policy = query.get('propagationPolicy')
  if (policy) options.propagationPolicy = policy as NonNullable<DeleteOptions['propagationPolicy']>
  if (options.orphanDependents) options.propagationPolicy ??= 'Orphan'
  return options
}

/** Throws 409 if the object is not the one that the caller meant. */
export function decideDeletion(
  resource: Resource,
  live: ApiObject,
  options: DeleteOptions,
  now: Date,
): Deletion {
  const { name, uid, resourceVersion } = live.metadata
  const { preconditions = {} } = options
  if (preconditions.uid && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid})`
    throw conflict(resource, name, why)
  }
  if (preconditions.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(resource, name)
  }
  const finalizers = [...(live.metadata.finalizers ?? [])]
  const waitsFor = { Foreground: FOREGROUND, Orphan: ORPHAN, Background: '' }[
    options.propagationPolicy ?? 'Background'
  ]
  if (waitsFor && !live.metadata.deletionTimestamp && !finalizers.includes(waitsFor)) {
    finalizers.push(waitsFor)
  }
  const grace = graceOf(resource, live, options)
  if (grace === 0 && finalizers.length === 0 && !holdsNamespace(live)) return { do: 'remove' }

  const known = live.metadata.deletionGracePeriodSeconds
  if (live.metadata.deletionTimestamp && (known === undefined || known <= grace)) {
    return { do: 'nothing' }
  }
  const metadata = {
    ...live.metadata,
    deletionTimestamp: timestamp(new Date(now.getTime() + grace * 1000)),
    deletionGracePeriodSeconds: grace,
  }
  if (finalizers.length > 0) metadata.finalizers = finalizers
  const next: ApiObject = { ...live, metadata }
  if (live.kind === 'Namespace') next.status = { ...live.status, phase: 'Terminating' }
  return { do: 'mark', next }
}

/** Seconds that the kubelet may take to end the object: only pods on a node take any. */
function graceOf(resource: Resource, live: ApiObject, options: DeleteOptions): number {
  if (resource.kind !== 'Pod') return 0
  const spec = live.spec ?? {}
  const phase = live.status?.['phase']
  if (!spec['nodeName'] || phase === 'Succeeded' || phase === 'Failed') return 0
  return options.gracePeriodSeconds ?? Number(spec['terminationGracePeriodSeconds'] ?? 30)
}

/** A namespace goes once the namespace controller has emptied it. */
function holdsNamespace({ kind, spec }: ApiObject): boolean {
  const finalizers = (spec as JsonObject | undefined)?.['finalizers']
  return kind === 'Namespace' && Array.isArray(finalizers) && finalizers.length > 0
}

/** Whether nothing holds an object that is marked for deletion any more. */
export function isFinished(object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata
  if (!deletionTimestamp || finalizers.length > 0 || holdsNamespace(object)) return false
  return object.kind !== 'Pod' || deletionGracePeriodSeconds === 0
}
