/** Plain HTTP calls to the API server under test, with everything of the answer visible. */

import type { IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { ApiServer } from '../../../playground/apiserver/server.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  body: any
}

export interface CallOptions {
  /** Content type of the body; `application/json` without it. */
  type?: string
  accept?: string
  /** Another token than the admin's; empty for none. */
  token?: string
  socketPath?: string
}

export function call(
  server: ApiServer,
  method: string,
  path: string,
  body?: unknown,
  options: CallOptions = {},
): Promise<Answer> {
  const { type = 'application/json', accept = 'application/json', token, socketPath } = options
  const bearer = token ?? server.adminToken
  const bytes =
    body === undefined || body instanceof Uint8Array
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return new Promise((resolve, reject) => {
    const request = httpsRequest(server.url + path, {
      method,
      ca: server.caPem,
      agent: false,
      ...(socketPath && { socketPath }),
      headers: {
        accept,
        'content-type': type,
        ...(bytes && { 'content-length': bytes.length }),
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        'user-agent': 'test/1.0',
      },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const json = response.headers['content-type']?.startsWith('application/json')
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: json ? JSON.parse(text) : text })
      })
    })
    request.end(bytes)
  })
}

/** Waits until `test` gives something else than undefined or false; fails after 10 s. */
export async function until<T>(what: string, test: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const value = await test()
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>
    if (Date.now() > deadline) throw new Error(`waited 20 s for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
