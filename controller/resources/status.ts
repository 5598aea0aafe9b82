/** Refusals in Kubernetes' form: `Status` of meta/v1, which kubectl and client libraries read. */
import { API_GROUP } from '../../core/names.ts'
import type { Status } from '../../core/trace-resource.ts'

/** Reasons that we give, each with its HTTP status. */
const CODE = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  Expired: 410,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const

export type StatusReason = keyof typeof CODE

export function statusOf(
  reason: StatusReason,
  message: string,
  details: Status['details'] = undefined,
): Status {
  return {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code: CODE[reason],
    ...(details && { details }),
  }
}

/** In the words of Kubernetes, which scripts look for. */
export function notFound(resource: string, name: string): Status {
  return statusOf('NotFound', `${resource}.${API_GROUP} "${name}" not found`, {
    name,
    group: API_GROUP,
    kind: resource,
  })
}

/** Thrown by whoever answers a request of the group; becomes the answer. */
export class StatusError extends Error {
  readonly status: Status

  constructor(status: Status) {
    super(status.message)
    this.name = 'StatusError'
    this.status = status
  }
}
