/**
 * Program of the benchmarks: stands for the controller. The first line of standard input is `{"show"}`,
 * certificate and key with which it serves TLS. Each further one is either `{"pod", "message"}`, the pod's
 * routing table from then on, or `{"count": pod}`, which is answered with a line of JSON: what has come of that
 * pod's traces. Argument: the port. Whose token it is shown is all the same to it.
 *
 * It takes traces as fast as it can, so that a sidecar has all the work of sending them: it counts
 * records without reading them, except those of one batch in a hundred.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'
import type { KeyPair } from '../../core/authority/certificate.ts'
import { FEED_HEARTBEAT_MS, type FeedMessage } from '../../core/routing-feed.ts'
import type { TraceBatch, TraceRecord } from '../../core/trace-record.ts'
import { countOf, droppedIn } from '../readers/trace-batch.ts'

/** What has come of a pod's traces. */
export interface TraceCount {
  records: number
  /** As the pod's last batch says. */
  dropped: number
  /** Batches that were not what they should be. */
  broken: number
  /** The last record that was read whole. */
  sample: TraceRecord | null
}

const SAMPLED_BATCHES = 100

const tables = new Map<string, FeedMessage>()
const counts = new Map<string, TraceCount & { batches: number }>()

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://controller')
  if (pathname === '/v1/feed') openFeed(searchParams.get('pod') ?? '', response)
  else void takeTraces(request, response)
})

function openFeed(pod: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const table = tables.get(pod)
  if (!table) {
    response.end()
    return
  }
  response.write(`${JSON.stringify(table)}\n`)
  const { version } = table as { version: unknown }
  const beat = () => response.write(`${JSON.stringify({ type: 'heartbeat', version })}\n`)
  const timer = setInterval(beat, FEED_HEARTBEAT_MS)
  response.on('close', () => clearInterval(timer))
}

async function takeTraces(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const count = countFor(podOf(body))
  const records = countOf(body)
  count.records += records
  count.dropped = droppedIn(body)
  if (count.batches++ % SAMPLED_BATCHES === 0) readWhole(body, records, count)
  response.writeHead(202).end()
}

function podOf(body: Buffer): string {
  return /"pod":"([^"]*)"/.exec(body.toString('latin1', 0, 300))?.[1] ?? ''
}

function countFor(pod: string): TraceCount & { batches: number } {
  const count = counts.get(pod) ?? { records: 0, dropped: 0, broken: 0, batches: 0, sample: null }
  counts.set(pod, count)
  return count
}

function readWhole(body: Buffer, counted: number, count: TraceCount): void {
  try {
    const { records } = JSON.parse(body.toString()) as TraceBatch
    count.sample = records.at(-1) ?? count.sample
    if (records.length !== counted) count.broken++
  } catch {
    count.broken++
  }
}

type Order = { show: KeyPair } | { pod: string; message: FeedMessage } | { count: string }

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  if ('show' in order) {
    server.setSecureContext(order.show)
    server.listen(Number(process.argv[2]), '0.0.0.0')
  } else if ('pod' in order) tables.set(order.pod, order.message)
  else process.stdout.write(`${JSON.stringify(countFor(order.count))}\n`)
}
