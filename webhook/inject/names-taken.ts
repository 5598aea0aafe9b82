/** A pod that uses our names for things of its own is refused: each name is one fault, with what to do. */
import type { OurContainer } from '../../core/injection/status.ts'
import { ANNOTATION } from '../../core/names.ts'
import type { FieldError } from './facts.ts'

/** @param found containers with our names which no status accounts for */
export function containersTaken(found: readonly OurContainer[]): FieldError[] {
  return found.map(({ field, name }) => ({
    field,
    message: `"${name}" is the name of an injected container, and the annotation ${ANNOTATION.status} does not account for it: rename the container, or remove all injected containers and let the webhook add them`,
  }))
}
