/** Faults of single fields, in Kubernetes' words. */
import type { FieldFault } from './api-error.ts'

export const invalidValue = (field: string, given: unknown, rule: string): FieldFault => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(given)}: ${rule}`,
})

export const required = (field: string, message = 'Required value'): FieldFault => ({
  reason: 'FieldValueRequired',
  field,
  message,
})

export const unsupported = (
  field: string,
  given: unknown,
  supported: readonly string[],
): FieldFault => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${JSON.stringify(given)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
})

export const notAllowedHere = (field: string, why: string): FieldFault => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
})
