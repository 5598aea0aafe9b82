/** All of admission in Kubernetes' order: what changes an object, then what may only refuse it. */
import type { Admission, AdmissionRequest, WebhookPart } from './admission.ts'
import { forbidden } from './api-error.ts'
import type { ApiObject } from './object.ts'
import type { Policy } from './rbac/authorizer.ts'
import { escalationOf } from './rbac/escalation.ts'

/** A built-in step that may only refuse: throws, or adds to the request's warnings. */
export type Check = (request: AdmissionRequest) => void

export interface ChainOptions {
  webhooks: WebhookPart
  /** Before the validating webhooks, in this order. */
  checks: readonly Check[]
  /** After everything else has agreed, at the moment at which the object is stored. */
  last: Check
}

export function admissionChain({ webhooks, checks, last }: ChainOptions): Admission {
  return {
    mutate: (request) => webhooks.mutate(request),
    validate: async (request) => {
      for (const check of checks) check(request)
      await webhooks.validate(request)
    },
    settle: last,
  }
}

/** Nobody gives away rights that they do not have. The control plane's own writes are not asked. */
export function escalationCheck(policy: Policy): Check {
  return ({ operation, resource, object, old, user, name, internal }) => {
    if (operation === 'DELETE' || !object || internal) return
    const why = escalationOf(policy, user, object as ApiObject, old)
    if (why) throw forbidden(resource, name, why)
  }
}
