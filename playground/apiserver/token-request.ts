/** `serviceaccounts/token`: a token for an account, for its audiences, bound to a pod where one is named. */
import { ApiError, badRequest, conflict, invalid, notFound } from './api-error.ts'
import { type ApiObject, type JsonObject, timestamp, valueAt } from './object.ts'
import type { ObjectRef, Objects } from './objects.ts'
import type { Resource } from './resources.ts'
import type { Tokens } from './tokens.ts'

/** What a request without a wish gets, the least and the most that it may wish for, in seconds. */
const LIFETIME_S = { usual: 3600, least: 600, most: 2 ** 32 }

/** The TokenRequest with its status; throws as the API server does where the wish makes no sense. */
export function answerTokenRequest(
  objects: Objects,
  tokens: Tokens,
  ref: ObjectRef,
  body: JsonObject,
): JsonObject {
  const account = objects.get(ref)
  const seconds = lifetimeOf(valueAt(body, ['spec', 'expirationSeconds']) ?? LIFETIME_S.usual)
  const audiences = valueAt(body, ['spec', 'audiences'])
  const pod = boundPod(objects, account, valueAt(body, ['spec', 'boundObjectRef']))
  const { token, expires } = tokens.issue({
    namespace: account.metadata.namespace ?? '',
    account: { name: account.metadata.name, uid: account.metadata.uid },
    lifetimeS: seconds,
    ...(Array.isArray(audiences) && { audiences: audiences.map(String) }),
    ...(pod && { pod }),
  })
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    ...body,
    status: { token, expirationTimestamp: timestamp(expires) },
  }
}

function lifetimeOf(wish: unknown): number {
  const fault = (why: string) => {
    const field = 'spec.expirationSeconds'
    const message = `Invalid value: ${JSON.stringify(wish)}: ${why}`
    const resource = { group: 'authentication.k8s.io', kind: 'TokenRequest' } as Resource
    return invalid(resource, '', [{ reason: 'FieldValueInvalid', field, message }])
  }
  if (typeof wish !== 'number') throw badRequest('spec.expirationSeconds must be a number')
  if (wish < LIFETIME_S.least) throw fault('may not specify a duration less than 10 minutes')
  if (wish > LIFETIME_S.most) throw fault('may not specify a duration larger than 2^32 seconds')
  return wish
}

function boundPod(objects: Objects, account: ApiObject, ref: unknown): ApiObject | null {
  if (ref === undefined || ref === null) return null
  const [kind, name, uid] = ['kind', 'name', 'uid'].map((field) => valueAt(ref, [field]))
  if (kind !== 'Pod') {
    throw badRequest(
      `cannot bind token to object of kind ${JSON.stringify(kind)}: here it must be Pod`,
    )
  }
  const resource = objects.registry.builtIn('v1', 'pods')
  const place = { resource, namespace: account.metadata.namespace ?? null, name: String(name) }
  const pod = objects.find(place)
  if (!pod) throw notFound(resource, String(name))
  if (uid && uid !== pod.metadata.uid) {
    throw conflict(
      resource,
      pod.metadata.name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  }
  if ((pod.spec?.['serviceAccountName'] ?? 'default') === account.metadata.name) return pod
  throw new ApiError(
    400,
    'BadRequest',
    `cannot bind token for serviceaccount "${account.metadata.name}" to pod running with different serviceaccount name.`,
  )
}
