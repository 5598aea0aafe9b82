/**
 * The envelope of admission: reads an AdmissionReview v1 and writes the answer.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
import type { FieldError } from './inject/facts.ts'
import { isObject, type JsonObject } from './inject/json.ts'
import type { PatchOperation } from './inject/patch.ts'

const API_VERSION = 'admission.k8s.io/v1'

export interface ReviewRequest {
  uid: string
  namespace: string
  /** True where nothing will be stored. */
  dryRun: boolean
  /** The pod, not checked yet. */
  object: JsonObject
}

export type ReviewResult =
  | { ok: true; request: ReviewRequest }
  /** What is wrong with the envelope: the answer is HTTP 400. */
  | { ok: false; message: string }

/** Reads a parsed body; the message of a failure names the first wrong field. */
export function readReview(body: unknown): ReviewResult {
  if (!isObject(body)) return fail('the body is not a JSON object: expected an AdmissionReview')
  if (body['kind'] !== 'AdmissionReview') return wrong('kind', body['kind'], '"AdmissionReview"')
  if (body['apiVersion'] !== API_VERSION)
    return wrong('apiVersion', body['apiVersion'], `"${API_VERSION}"`)
  const request = body['request']
  if (!isObject(request)) return wrong('request', request, 'an object')
  const { uid, namespace, object } = request
  if (!isFilled(uid)) return wrong('request.uid', uid, 'a string that is not empty')
  const fault = faultOfTarget(request)
  if (fault) return fault
  if (!isFilled(namespace))
    return wrong('request.namespace', namespace, 'the name of the namespace that the pod is for')
  if (!isObject(object)) return wrong('request.object', object, 'the pod')
  return { ok: true, request: { uid, namespace, object, dryRun: request['dryRun'] === true } }
}

function faultOfTarget(request: JsonObject): ReviewResult | null {
  const { resource, subResource, operation } = request
  const isPods =
    isObject(resource) &&
    (resource['group'] ?? '') === '' &&
    resource['version'] === 'v1' &&
    resource['resource'] === 'pods'
  if (!isPods)
    return wrong('request.resource', resource, '{"group":"","version":"v1","resource":"pods"}')
  if (subResource) return wrong('request.subResource', subResource, 'none')
  if (operation !== 'CREATE') return wrong('request.operation', operation, '"CREATE"')
  return null
}

function wrong(field: string, found: unknown, expected: string): ReviewResult {
  const text = found === undefined ? 'missing' : (JSON.stringify(found) ?? 'missing')
  return fail(`${field} is ${text.slice(0, MAX_QUOTE)}: expected ${expected}`)
}

/** Of a wrong value a message quotes this much (characters): enough to recognise it. */
const MAX_QUOTE = 200

const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== ''
const fail = (message: string): ReviewResult => ({ ok: false, message })

export interface ReviewAnswer {
  apiVersion: typeof API_VERSION
  kind: 'AdmissionReview'
  response: AdmissionResponse
}

interface AdmissionResponse {
  uid: string
  allowed: boolean
  warnings?: string[]
  patchType?: 'JSONPatch'
  /** Base64 of the JSON. */
  patch?: string
  status?: {
    code: number
    reason: string
    message: string
    details?: { causes: { reason: string; field: string; message: string }[] }
  }
}

/** The pod may come in, with the patch if it is not empty. */
export function allow(
  uid: string,
  patch: readonly PatchOperation[] = [],
  warnings: readonly string[] = [],
): ReviewAnswer {
  return envelope({
    uid,
    allowed: true,
    ...(warnings.length > 0 && { warnings: warnings.map(shortened) }),
    ...(patch.length > 0 && {
      patchType: 'JSONPatch' as const,
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    }),
  })
}

/** The pod itself is at fault: 422 with each field. */
export function refuse(uid: string, errors: readonly FieldError[]): ReviewAnswer {
  const message = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  const causes = errors.map(({ field, message }) => ({
    reason: 'FieldValueInvalid',
    field,
    message,
  }))
  return envelope({
    uid,
    allowed: false,
    status: { code: 422, reason: 'Invalid', message, details: { causes } },
  })
}

/** The webhook cannot decide now: 503, which controllers try again. */
export function tryLater(uid: string, message: string): ReviewAnswer {
  const status = { code: 503, reason: 'ServiceUnavailable', message }
  return envelope({ uid, allowed: false, status })
}

/** The webhook has a fault of its own. */
export function failed(uid: string, message: string): ReviewAnswer {
  return envelope({
    uid,
    allowed: false,
    status: { code: 500, reason: 'InternalError', message },
  })
}

function envelope(response: AdmissionResponse): ReviewAnswer {
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response }
}

/** The API server may cut a warning beyond 256 characters, without a mark. */
const MAX_WARNING = 256

function shortened(warning: string): string {
  const whole = `azds: ${warning}`
  return whole.length <= MAX_WARNING ? whole : `${whole.slice(0, MAX_WARNING - 1)}…`
}
