/** The scale subresource: a workload's replicas under one kind, whatever the workload is. */
import { badRequest } from './api-error.ts'
import { type ApiObject, isObject, type JsonObject, valueAt } from './object.ts'

export function scaleOf({ metadata, spec, status }: ApiObject): ApiObject {
  const labels = valueAt(spec, ['selector', 'matchLabels'])
  const selector = isObject(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')
    : ''
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(spec?.['replicas'] ?? 0) },
    status: { replicas: Number(status?.['replicas'] ?? 0), selector },
  }
}

/** The workload with the replicas that a Scale asks for; throws 400 if it asks for none. */
export function withScale(live: ApiObject, scale: JsonObject): ApiObject {
  const replicas = valueAt(scale, ['spec', 'replicas']) ?? 0
  if (!Number.isInteger(replicas) || (replicas as number) < 0) {
    throw badRequest('spec.replicas of a Scale must be a whole number, 0 or more')
  }
  const version = valueAt(scale, ['metadata', 'resourceVersion'])
  return {
    ...live,
    metadata: { ...live.metadata, resourceVersion: typeof version === 'string' ? version : '' },
    spec: { ...live.spec, replicas },
  }
}
