/**
 * When a namespace became a space. A label has no date of its own; whoever wrote it is noted in the
 * object's `managedFields`, with the time at which they last wrote any of their fields.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import type { KubeObject } from '../kube/types.ts'
import { LABEL } from '../names.ts'

interface ManagedFields {
  time?: string
  fieldsV1?: { 'f:metadata'?: { 'f:labels'?: Record<string, unknown> } }
}

/** In ms since 1970, not earlier than it was; null if the object does not tell. */
export function spaceSince({ metadata }: KubeObject): number | null {
  const { managedFields } = metadata as { managedFields?: ManagedFields[] }
  const times = (managedFields ?? [])
    .filter(({ fieldsV1 }) => fieldsV1?.['f:metadata']?.['f:labels']?.[`f:${LABEL.space}`])
    .map(({ time }) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time))
  return times.length > 0 ? Math.min(...times) : null
}
