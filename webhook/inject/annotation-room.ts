/**
 * Whether a pod's annotations leave room for ours. A pod may have 256 KiB of them in all, and an API server that finds
 * more after us says so of annotations which nobody has written like that.
 */
import type { Pod } from '../../core/kube/types.ts'
import type { FieldError } from './facts.ts'

/** Kubernetes' limit for all keys and values of one object (bytes). */
const MAX_ANNOTATION_BYTES = 256 * 1024

/** @param before the pod as it came; @param after with our annotations */
export function annotationsTooLong(before: Pod, after: Pod): FieldError[] {
  const excess = bytesOf(after) - MAX_ANNOTATION_BYTES
  // What was too long before us is the API server's to tell.
  if (excess <= 0 || bytesOf(before) > MAX_ANNOTATION_BYTES) return []
  return [
    {
      field: 'metadata.annotations',
      message: `are longer than the ${MAX_ANNOTATION_BYTES} bytes that Kubernetes takes once the injection's own are added: shorten them by ${excess} bytes`,
    },
  ]
}

function bytesOf({ metadata }: Pod): number {
  const sizes = Object.entries(metadata.annotations ?? {}).map(
    ([key, value]) => Buffer.byteLength(key) + Buffer.byteLength(value ?? ''),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
