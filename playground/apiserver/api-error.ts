/** The API server's failures, each with the Status object that clients read. */
import type { JsonObject } from './object.ts'
import type { Resource } from './resources.ts'

/** One fault of a field, as `kubectl` prints it. */
export interface FieldFault {
  /** Why the value is refused. */
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldManagerConflict'
  message: string
  field: string
}

export class ApiError extends Error {
  readonly code: number
  readonly reason: string
  readonly details: JsonObject | undefined

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.reason = reason
    this.details = details
  }

  /** The answer's body. */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details && { details: this.details }),
      code: this.code,
    }
  }
}

function detailsOf(resource: Resource, name: string): JsonObject {
  return { name, ...(resource.group && { group: resource.group }), kind: resource.plural }
}

/** `deployments.apps`, as messages name a resource. */
export function qualifiedName({ plural, group }: Resource): string {
  return group ? `${plural}.${group}` : plural
}

export function notFound(resource: Resource, name: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" not found`
  return new ApiError(404, 'NotFound', message, detailsOf(resource, name))
}

export function unknownPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource')
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" already exists`
  return new ApiError(409, 'AlreadyExists', message, detailsOf(resource, name))
}

/** The caller's copy is older than what is stored. */
export function conflict(resource: Resource, name: string, why?: string): ApiError {
  const cause =
    why ??
    'the object has been modified; please apply your changes to the latest version and try again'
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${cause}`
  return new ApiError(409, 'Conflict', message, detailsOf(resource, name))
}

/** Server-side apply would take fields that other managers own. */
export function managerConflict(
  resource: Resource,
  name: string,
  faults: FieldFault[],
  summary: string,
): ApiError {
  return new ApiError(409, 'Conflict', summary, {
    ...detailsOf(resource, name),
    causes: faults,
  })
}

export function invalid(resource: Resource, name: string, faults: FieldFault[]): ApiError {
  const list = faults.map(({ field, message }) => `${field}: ${message}`)
  const text = list.length === 1 ? list[0] : `[${list.join(', ')}]`
  const kind = resource.group ? `${resource.kind}.${resource.group}` : resource.kind
  return new ApiError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    name,
    ...(resource.group && { group: resource.group }),
    kind: resource.kind,
    causes: faults,
  })
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message)
}

export function forbidden(resource: Resource, name: string, why: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" is forbidden: ${why}`
  return new ApiError(403, 'Forbidden', message, detailsOf(resource, name))
}

/** The caller has no right to this; `why` is the sentence that says what was asked. */
export function notAllowed(
  { group, resource, name }: { group: string; resource: string; name: string },
  why: string,
): ApiError {
  if (!resource) return new ApiError(403, 'Forbidden', `forbidden: ${why}`, {})
  const what = group ? `${resource}.${group}` : resource
  const message = name
    ? `${what} ${JSON.stringify(name)} is forbidden: ${why}`
    : `${what} is forbidden: ${why}`
  const details = { ...(name && { name }), ...(group && { group }), kind: resource }
  return new ApiError(403, 'Forbidden', message, details)
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized')
}

/** The history that a watch or a continued list needs is no longer kept. */
export function gone(message: string): ApiError {
  return new ApiError(410, 'Expired', message)
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  )
}

export function unsupportedMediaType(type: string): ApiError {
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format: ${type || 'no content type'}`,
  )
}
