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

/**
 * Why a review is answered without a look at its object. Our own rule asks for none of these, but rules are widened by
 * hand, and whoever asks fails closed: an answer of 400 would keep every such request out of the space.
 */
export const PASS_REASON = {
  resource: 'It is about something other than a pod.',
  subresource: 'It is about a part of a pod that exists, such as its status.',
  operation: 'The pod exists: containers and volumes cannot be added to it any more.',
} as const satisfies Record<string, string>

export type PassReason = keyof typeof PASS_REASON

export type ReviewResult =
  | { kind: 'pod'; request: ReviewRequest }
  /** No pod is made by it: allowed as it is. */
  | { kind: 'passed'; uid: string; reason: PassReason; subject: string }
  /** What is wrong with the envelope: the answer is HTTP 400. */
  | { kind: 'malformed'; message: string }

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
  const { resource, operation } = request
  if (!isObject(resource) || !isFilled(resource['resource']))
    return wrong('request.resource', resource, 'group, version and resource of what is asked about')
  if (!isFilled(operation)) return wrong('request.operation', operation, 'CREATE or another one')
  const reason = reasonToPass(request, resource)
  if (reason) return { kind: 'passed', uid, reason, subject: subjectOf(request, resource) }
  if (!isFilled(namespace))
    return wrong('request.namespace', namespace, 'the name of the namespace that the pod is for')
  if (!isObject(object)) return wrong('request.object', object, 'the pod')
  return { kind: 'pod', request: { uid, namespace, object, dryRun: request['dryRun'] === true } }
}

function reasonToPass(request: JsonObject, resource: JsonObject): PassReason | null {
  const { version, resource: plural } = resource
  if ((resource['group'] ?? '') !== '' || version !== 'v1' || plural !== 'pods') return 'resource'
  if (request['subResource']) return 'subresource'
  return request['operation'] === 'CREATE' ? null : 'operation'
}

/** For the log: `UPDATE pods/status alice/web-1`. */
function subjectOf(request: JsonObject, resource: JsonObject): string {
  const { operation, subResource, namespace, name } = request
  const { group, resource: plural } = resource
  const kind = [plural, ...(group ? [group] : [])].join('.')
  const which = [namespace, name].filter(isFilled).join('/')
  return quoted(`${operation} ${kind}${subResource ? `/${subResource}` : ''} ${which}`.trimEnd())
}

function wrong(field: string, found: unknown, expected: string): ReviewResult {
  const text = found === undefined ? 'missing' : (JSON.stringify(found) ?? 'missing')
  return fail(`${field} is ${quoted(text)}: expected ${expected}`)
}

/** Of a value a message quotes this much (characters): enough to recognise it. */
const MAX_QUOTE = 200

const quoted = (text: string) => text.slice(0, MAX_QUOTE)

const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== ''
const fail = (message: string): ReviewResult => ({ kind: 'malformed', message })

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
