/** CEL expressions that decide whether a webhook is called at all. */
import { Environment } from '@marcbachmann/cel-js'
import type { AdmissionRequest } from './admission.ts'
import { isObject, type JsonObject } from './object.ts'

export type MatchResult =
  | { matches: boolean }
  /** An expression could not be evaluated; the failure policy says what that means. */
  | { error: string }

const environment = new Environment({ enableOptionalTypes: true })
  .registerVariable('object', 'dyn')
  .registerVariable('oldObject', 'dyn')
  .registerVariable('request', 'dyn')

/**
 * A condition that is false wins over one that fails, as in Kubernetes.
 * @param review the `request` of the AdmissionReview, which expressions see as `request`
 */
export function matchesConditions(
  conditions: readonly JsonObject[],
  { object, old }: Pick<AdmissionRequest, 'object' | 'old'>,
  review: JsonObject,
): MatchResult {
  if (conditions.length === 0) return { matches: true }
  const variables = {
    object: celValue(object),
    oldObject: celValue(old),
    request: celValue(review),
  }
  const errors: string[] = []
  for (const condition of conditions) {
    try {
      const value: unknown = environment.evaluate(String(condition['expression']), variables)
      if (value === false) return { matches: false }
      if (value !== true) errors.push(`match condition "${condition['name']}" is not a boolean`)
    } catch (error) {
      const [why] = (error as Error).message.split('\n')
      errors.push(`match condition "${condition['name']}": ${why}`)
    }
  }
  return errors.length > 0 ? { error: errors.join('; ') } : { matches: true }
}

/** JSON has one kind of number, CEL tells whole ones apart. */
function celValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(celValue)
  if (!isObject(value)) return value ?? null
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, celValue(inner)]))
}
