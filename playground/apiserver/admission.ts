/** The contract between the write path and admission: what is asked, what may come back. */
import type { User } from './caller.ts'
import type { ApiObject, JsonObject } from './object.ts'
import type { Resource } from './resources.ts'

export interface AdmissionRequest {
  operation: 'CREATE' | 'UPDATE' | 'DELETE'
  resource: Resource
  subresource: string | null
  namespace: string | null
  name: string
  /** Null on DELETE. */
  object: ApiObject | null
  /** Null on CREATE. */
  old: ApiObject | null
  user: User
  /** The control plane itself writes: no rights are asked of it. */
  internal: boolean
  dryRun: boolean
  /** Sentences for the caller are added here. */
  warnings: string[]
  /** The request's options object, e.g. DeleteOptions. */
  options: JsonObject
}

export interface Admission {
  /** Returns the object as the mutating webhooks leave it; throws where one of them refuses. */
  mutate(request: AdmissionRequest & { object: ApiObject }): Promise<ApiObject>
  /** Throws where a validating webhook refuses. */
  validate(request: AdmissionRequest): Promise<void>
  /** The last word, at once before a new object is stored: nothing can come in between. */
  settle(request: AdmissionRequest): void
}

/** The part of admission that webhooks have. */
export type WebhookPart = Pick<Admission, 'mutate' | 'validate'>
