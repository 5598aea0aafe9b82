/** Calls one admission webhook over TLS and reads its answer. */
import { request as httpsRequest } from 'node:https'
import { isObject, type JsonObject } from './object.ts'
import type { Webhook } from './webhook-rules.ts'

/** Where a webhook is reached and by what name its certificate must know it. */
export interface WebhookAddress {
  host: string
  port: number
  path: string
  serverName: string
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
  webhook: Webhook,
  address: WebhookAddress,
  review: JsonObject,
): Promise<WebhookAnswer> {
  const body = JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: review,
  })
  const text = await post(webhook, address, body)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch (error) {
    throw new Error(`the answer is not JSON: ${(error as Error).message}`)
  }
  return readAnswer(answer, String(review['uid']))
}

function post(webhook: Webhook, address: WebhookAddress, body: string): Promise<string> {
  const { host, port, path, serverName } = address
  const url = `https://${serverName}:${port}${path}?timeout=${webhook.timeoutMs / 1000}s`
  const bundle = webhook.clientConfig['caBundle']
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Post "${url}": ${why}`))
    const request = httpsRequest({
      host,
      port,
      path: `${path}?timeout=${webhook.timeoutMs / 1000}s`,
      method: 'POST',
      servername: /^[\d.]+$|:/.test(serverName) ? '' : serverName,
      ...(typeof bundle === 'string' && { ca: Buffer.from(bundle, 'base64') }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'user-agent': 'kube-apiserver-admission',
        host: `${serverName}:${port}`,
      },
      // Fresh each time: a kept connection to a webhook that was restarted would fail a request.
      agent: false,
      signal: AbortSignal.timeout(webhook.timeoutMs),
    })
    request.on('error', (error) => {
      fail(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? 'context deadline exceeded'
          : error.message,
      )
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > MAX_ANSWER) request.destroy(new Error('the answer is too long'))
      })
      response.on('error', (error) => fail(error.message))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else fail(`the server answered ${response.statusCode}: ${text.slice(0, 200)}`)
      })
    })
    request.end(body)
  })
}

function readAnswer(answer: unknown, uid: string): WebhookAnswer {
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
