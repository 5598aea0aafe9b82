/** Answers that the sidecar makes itself: marked, complete, and the last on their connection. */
import { ERROR, type ErrorCode } from '../../core/errors.ts'
import { HEADER } from '../../core/names.ts'
import type { HeaderList } from '../../core/trace-record.ts'
import type { ExchangePlan, ResponseHead } from '../exchange.ts'
import type { ByteStream } from '../stream.ts'
import type { ParsedRequestHead } from './head.ts'

export interface OwnAnswer {
  bytes: Buffer
  head: ResponseHead
}

/** Reason phrases of the statuses in `ERROR` (RFC 9110 15, RFC 6585, RFC 5842). */
const REASON: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  508: 'Loop Detected',
}

/** Status and the whole answer for an error; HEAD gets no body. Codes without a status give 502. */
export function ownAnswer(code: ErrorCode, message: string, method: string | null): OwnAnswer {
  const { status: known, next } = ERROR[code]
  const status = known ?? 502
  const body = Buffer.from(`${code}: ${message}\n${next}\n`)
  const headers: HeaderList = [
    [HEADER.proxyError, code],
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length', String(body.length)],
    ['Connection', 'close'],
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const start = `HTTP/1.1 ${status} ${REASON[status] ?? ''}\r\n`
  const head = Buffer.from(`${start}${lines}\r\n`, 'latin1')
  return {
    bytes: method === 'HEAD' ? head : Buffer.concat([head, body]),
    head: {
      status,
      version: '1.1',
      header: (name) => headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null,
      headers: () => headers,
    },
  }
}

/** Sends the answer to a request that its plan refuses, and has it recorded. */
export function answerRefusal(
  client: ByteStream,
  { code, message, recorder }: ExchangePlan & { kind: 'refuse' },
  head: ParsedRequestHead,
): void {
  const answer = ownAnswer(code, message, head.method)
  client.write(answer.bytes)
  recorder.responseHead(answer.head)
  recorder.done({
    requestBytes: head.length,
    responseBytes: answer.bytes.length,
    error: { code, message },
  })
}
