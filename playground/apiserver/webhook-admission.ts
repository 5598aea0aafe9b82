/** Admission by the webhooks that are configured in the cluster. */
import { randomUUID } from 'node:crypto'
import type { Log } from '../../core/log.ts'
import type { AdmissionRequest, WebhookPart } from './admission.ts'
import { ApiError } from './api-error.ts'
import { userInfoOf } from './caller.ts'
import { matchesConditions } from './match-conditions.ts'
import { type ApiObject, isObject, type JsonObject, sameJson } from './object.ts'
import { applyJsonPatch } from './patch.ts'
import { type Registry, storageOf } from './resources.ts'
import { serviceAddress } from './service-address.ts'
import type { ServiceConnections } from './service-connections.ts'
import type { Store } from './store.ts'
import { callWebhook, type WebhookAddress, type WebhookAnswer } from './webhook-call.ts'
import { concerns, type Webhook, webhooksOf } from './webhook-rules.ts'

const CONFIGURATIONS = 'admissionregistration.k8s.io/v1'

export class WebhookAdmission implements WebhookPart {
  readonly #store: Store
  readonly #registry: Registry
  readonly #connections: ServiceConnections
  readonly #log: Log

  constructor(store: Store, registry: Registry, connections: ServiceConnections, log: Log) {
    this.#store = store
    this.#registry = registry
    this.#connections = connections
    this.#log = log
  }

  async mutate(request: AdmissionRequest & { object: ApiObject }): Promise<ApiObject> {
    const webhooks = this.#webhooks('mutatingwebhookconfigurations', request)
    let object = request.object
    /** The object as each webhook left it. */
    const left = new Map<Webhook, ApiObject>()
    for (const webhook of webhooks) {
      object = await this.#mutateOnce(webhook, { ...request, object })
      left.set(webhook, object)
    }
    // A second and last round for those after whom something changed.
    for (const webhook of webhooks) {
      const before = left.get(webhook)
      if (!webhook.reinvoke || sameJson(before, object)) continue
      object = await this.#mutateOnce(webhook, { ...request, object })
    }
    return object
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const webhooks = this.#webhooks('validatingwebhookconfigurations', request)
    await Promise.all(webhooks.map((webhook) => this.#ask(webhook, request)))
  }

  #webhooks(plural: string, { resource }: AdmissionRequest): Webhook[] {
    // Nobody may lock the cluster out of repairing its webhooks.
    if (resource.plural.endsWith('webhookconfigurations')) return []
    const kind = this.#registry.builtIn(CONFIGURATIONS, plural)
    return webhooksOf(this.#store.list(storageOf(kind)))
  }

  async #mutateOnce(
    webhook: Webhook,
    request: AdmissionRequest & { object: ApiObject },
  ): Promise<ApiObject> {
    const answer = await this.#ask(webhook, request)
    if (!answer?.patch) return request.object
    try {
      return applyJsonPatch(request.object, answer.patch) as ApiObject
    } catch (error) {
      throw internal(webhook, `its patch cannot be applied: ${(error as Error).message}`)
    }
  }

  /** Null if the webhook has no say in this request; throws if it refuses. */
  async #ask(webhook: Webhook, request: AdmissionRequest): Promise<WebhookAnswer | null> {
    if (!concerns(webhook, request, this.#namespaceOf(request))) return null
    const review = reviewOf(request)
    const conditions = matchesConditions(webhook.matchConditions, request, review)
    if ('error' in conditions) return this.#failed(webhook, conditions.error)
    if (!conditions.matches) return null
    if (request.dryRun && !['None', 'NoneOnDryRun'].includes(webhook.sideEffects)) {
      throw new ApiError(
        400,
        'BadRequest',
        `admission webhook "${webhook.name}" does not support dry run`,
      )
    }
    let answer: WebhookAnswer
    try {
      answer = await callWebhook(this.#connections, webhook, this.#addressOf(webhook), review)
    } catch (error) {
      return this.#failed(webhook, `failed to call webhook: ${(error as Error).message}`)
    }
    request.warnings.push(...answer.warnings)
    if (!answer.allowed) throw denied(webhook, answer)
    return answer
  }

  #failed(webhook: Webhook, why: string): null {
    if (webhook.failurePolicy === 'Fail') throw internal(webhook, why)
    this.#log.warn({ webhook: webhook.name, error: why }, 'webhook failed and was ignored')
    return null
  }

  #namespaceOf({ resource, namespace, object, old }: AdmissionRequest): ApiObject | null {
    if (resource.kind === 'Namespace') return object ?? old
    if (!namespace) return null
    return this.#store.get('/namespaces', undefined, namespace) ?? null
  }

  #addressOf({ clientConfig }: Webhook): WebhookAddress {
    if (typeof clientConfig['url'] === 'string') {
      const { hostname, port, pathname } = new URL(clientConfig['url'])
      const host = hostname.replace(/^\[|\]$/g, '')
      return { host, port: Number(port || 443), path: pathname, serverName: host }
    }
    const service = isObject(clientConfig['service']) ? clientConfig['service'] : {}
    const name = String(service['name'])
    const namespace = String(service['namespace'])
    const port = Number(service['port'] ?? 443)
    const address = serviceAddress(this.#store, { namespace, name, port })
    return { ...address, path: String(service['path'] ?? '/') }
  }
}

/** The `request` of an AdmissionReview. */
export function reviewOf(request: AdmissionRequest): JsonObject {
  const { resource, subresource, namespace, name, operation, object, old, user } = request
  const { group, version, kind, plural } = resource
  const kindOf = { group, version, kind }
  const resourceOf = { group, version, resource: plural }
  return {
    uid: randomUUID(),
    kind: kindOf,
    resource: resourceOf,
    requestKind: kindOf,
    requestResource: resourceOf,
    ...(subresource && { subResource: subresource, requestSubResource: subresource }),
    // A generated name is not known yet.
    ...(object?.metadata.name === undefined && operation === 'CREATE' ? {} : { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: userInfoOf(user),
    object,
    oldObject: old,
    dryRun: request.dryRun,
    options: request.options,
  }
}

function denied({ name }: Webhook, { status }: WebhookAnswer): ApiError {
  const why = status.message || status.reason
  const message = `admission webhook "${name}" denied the request${why ? `: ${why}` : ' without explanation'}`
  // A refusal is never a success, whatever code it carries.
  const code = Math.max(status.code, 400)
  return new ApiError(code, status.reason || (code === 403 ? 'Forbidden' : 'BadRequest'), message)
}

function internal({ name }: Webhook, why: string): ApiError {
  return new ApiError(
    500,
    'InternalError',
    `Internal error occurred: failed calling webhook "${name}": ${why}`,
  )
}
