/** Makes the demonstration requests and fetches the trace of each. */
import { request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TraceDetail } from '../core/controller-api.ts'
import { HEADER } from '../core/names.ts'
import { formatTraceParent, newSpanId, newTraceId } from '../core/trace-context.ts'
import type { TraceRecord } from '../core/trace-record.ts'
import { type DemoRequest, type DemoResult, RECORDS_PER_REQUEST } from './demonstration.ts'
import type { SampleAnswer } from './sample/service.ts'

/** Longest wait (ms) for all records of a request; sidecars send theirs about once a second. */
const TRACE_LIMIT_MS = 10_000
const TRACE_POLL_MS = 100
/** Longest wait (ms) for an answer. */
const ANSWER_LIMIT_MS = 15_000

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** One GET to 127.0.0.1 under another host name. */
export function get(
  port: number,
  host: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers: { ...headers, host }, agent: false }
    const outgoing = httpRequest({ ...options, timeout: ANSWER_LIMIT_MS }, async (response) => {
      try {
        let body = ''
        for await (const chunk of response.setEncoding('utf8')) body += chunk
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      } catch (error) {
        reject(error)
      }
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${host}${path}: no answer in time`)))
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** Makes one demonstration request; its trace may still lack records. */
export async function makeRequest(request: DemoRequest, gatewayPort: number): Promise<DemoResult> {
  const traceId = newTraceId()
  const headers: Record<string, string> = {
    accept: 'application/json',
    [HEADER.traceparent]: formatTraceParent({ traceId, parentId: newSpanId(), flags: '01' }),
  }
  if (request.header) headers[request.header[0]] = request.header[1]
  const authority = `${request.host}:${gatewayPort}`
  const started = performance.now()
  const { status, body } = await get(gatewayPort, authority, '/', headers)
  const milliseconds = performance.now() - started
  const url = `http://${authority}/`
  return { request, url, status, milliseconds, traceId, answers: answersOf(body), records: [] }
}

/** The trace's records, once there are `count` of them, or what there is after the time limit (ms). */
export async function fetchRecords(
  viewerPort: number,
  traceId: string,
  count: number = RECORDS_PER_REQUEST,
  limitMs: number = TRACE_LIMIT_MS,
): Promise<TraceRecord[]> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const { status, body } = await get(
      viewerPort,
      `localhost:${viewerPort}`,
      `/v1/traces/${traceId}`,
    )
    const records = status === 200 ? (JSON.parse(body) as TraceDetail).records : []
    if (records.length >= count || performance.now() > deadline) return records
    await sleep(TRACE_POLL_MS)
  }
}

/** `web in dev`, `orders in alice`, …: which versions took part, outermost first. */
export function answersOf(body: string): string[] {
  try {
    return flatten(JSON.parse(body) as SampleAnswer)
  } catch {
    return [`not an answer of the sample app: ${body.slice(0, 100)}`]
  }
}

function flatten({ service, space, error, calls }: SampleAnswer): string[] {
  const self = error === undefined ? `${service} in ${space}` : `${service} failed: ${error}`
  return [self, ...calls.flatMap(flatten)]
}
