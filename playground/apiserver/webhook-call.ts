/** Calls one admission webhook over TLS and reads its answer. */
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { isObject, type JsonObject } from './object.ts'
import { readAnswer, type WholeAnswer } from './read-answer.ts'
import type { ServiceAddress } from './service-address.ts'
import type { ServiceConnections } from './service-connections.ts'
import type { Webhook } from './webhook-rules.ts'

/** Where a webhook is reached and by what name its certificate must know it. */
export interface WebhookAddress extends ServiceAddress {
  path: string
}

export interface WebhookAnswer {
  allowed: boolean
  /** Code and message of a refusal. */
  status: { code: number; message: string; reason: string }
  /** JSON patch; null if there is none. */
  patch: unknown[] | null
  warnings: string[]
}

/** Longest answer read, in bytes: far beyond any patch of an object of 3 MB. */
const MAX_ANSWER = 16 * 1024 * 1024

/** Rejects with a sentence if the webhook cannot be reached or makes no sense. */
export async function callWebhook(
  connections: ServiceConnections,
  webhook: Webhook,
  address: WebhookAddress,
  review: JsonObject,
): Promise<WebhookAnswer> {
  const body = JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: review,
  })
  const text = await post(connections, webhook, address, body)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch (error) {
    throw new Error(`the answer is not JSON: ${(error as Error).message}`)
  }
  return readReview(answer, String(review['uid']))
}

/** A request that failed on a kept connection before any of it was sent is sent on another one. */
class NothingSent extends Error {}

async function post(
  connections: ServiceConnections,
  webhook: Webhook,
  address: WebhookAddress,
  body: string,
): Promise<string> {
  const signal = AbortSignal.timeout(webhook.timeoutMs)
  for (;;) {
    try {
      return await postOnce(connections, webhook, address, body, signal)
    } catch (error) {
      if (!(error instanceof NothingSent)) throw error
    }
  }
}

function postOnce(
  connections: ServiceConnections,
  webhook: Webhook,
  address: WebhookAddress,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const { port, path, serverName } = address
  const target = `${path}?timeout=${webhook.timeoutMs / 1000}s`
  const url = `https://${serverName}:${port}${target}`
  const bundle = webhook.clientConfig['caBundle']
  const ca = typeof bundle === 'string' ? Buffer.from(bundle, 'base64').toString('utf8') : undefined
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Post "${url}": ${why}`))
    const request = httpsRequest({
      ...connections.optionsFor(address, { ca }),
      path: target,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json',
        'user-agent': 'kube-apiserver-admission',
        host: `${serverName}:${port}`,
      },
      signal,
    })
    let before: { socket: Socket; written: number } | null = null
    request.on('socket', (socket) => {
      before = { socket, written: socket.bytesWritten }
    })
    request.on('error', (error) => {
      const sent = before === null || before.socket.bytesWritten > before.written
      if (request.reusedSocket && !sent && !signal.aborted) return reject(new NothingSent())
      fail(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? 'context deadline exceeded'
          : error.message,
      )
    })
    request.on('response', (response) => {
      const settled = ({ status, body: text }: WholeAnswer) => {
        if (status === 200) resolve(text)
        else fail(`the server answered ${status}: ${text.slice(0, 200)}`)
      }
      readAnswer(request, response, MAX_ANSWER).then(settled, (error) => fail(error.message))
    })
    request.end(body)
  })
}

function readReview(answer: unknown, uid: string): WebhookAnswer {
  const response = isObject(answer) ? answer['response'] : undefined
  if (!isObject(response)) throw new Error('the answer has no response')
  if (response['uid'] !== uid) {
    throw new Error(`expected response.uid="${uid}", got "${response['uid']}"`)
  }
  const status = isObject(response['status']) ? response['status'] : {}
  return {
    allowed: response['allowed'] === true,
    status: {
      code: Number(status['code'] ?? 0),
      message: String(status['message'] ?? ''),
      reason: String(status['reason'] ?? ''),
    },
    patch: readPatch(response),
    warnings: Array.isArray(response['warnings']) ? response['warnings'].map(String) : [],
  }
}

function readPatch(response: JsonObject): unknown[] | null {
  const { patch, patchType } = response
  if (patch === undefined || patch === '') return null
  if (patchType !== 'JSONPatch') throw new Error(`patchType is "${patchType}", not "JSONPatch"`)
  const operations: unknown = JSON.parse(Buffer.from(String(patch), 'base64').toString('utf8'))
  if (!Array.isArray(operations)) throw new Error('the patch is not a list of operations')
  return operations
}
