/** Writes answers: JSON documents, failures and Warning headers. */
import type { ServerResponse } from 'node:http'
import { ApiError } from './api-error.ts'
import type { JsonObject } from './object.ts'

const JSON_TYPE = 'application/json'

export function sendJson(
  response: ServerResponse,
  body: JsonObject,
  { status = 200, type = JSON_TYPE, warnings = [] as string[] } = {},
): void {
  const text = JSON.stringify(body)
  if (warnings.length > 0) response.setHeader('warning', warnings.map(warningHeader))
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  })
  response.end(text)
}

/** RFC 9111 section 5.5 left it to RFC 7234: code 299, no agent, the text quoted. */
function warningHeader(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').replace(/["\\]/g, '\\$&')
  return `299 - "${plain}"`
}

/** Anything that is not an ApiError is a fault of this server: 500. */
export function sendError(response: ServerResponse, error: unknown, warnings: string[] = []): void {
  const known =
    error instanceof ApiError
      ? error
      : new ApiError(500, 'InternalError', `Internal error occurred: ${(error as Error).message}`)
  if (response.headersSent) {
    response.destroy()
    return
  }
  sendJson(response, known.toStatus(), { status: known.code, warnings })
}

export function sendText(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}
