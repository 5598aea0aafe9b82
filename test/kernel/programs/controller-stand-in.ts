/**
 * Program of the tests: stands for the controller on the node. Each line of standard input,
 * `{"pod", "message"}`, is the pod's routing table from then on; each trace record that a sidecar
 * posts is printed as one line of JSON. Argument: the port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import type { FeedMessage } from '../../../core/routing-feed.ts'
import type { TraceBatch } from '../../../core/trace-record.ts'

/** One line of standard input. */
export interface PodTable {
  pod: string
  message: FeedMessage
}

const tables = new Map<string, FeedMessage>()
const feeds = new Map<string, Set<ServerResponse>>()

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://controller')
  if (pathname === '/v1/feed') openFeed(searchParams.get('pod') ?? '', response)
  else void takeTraces(request, response)
})

function openFeed(pod: string, response: ServerResponse): void {
  const open = feeds.get(pod) ?? new Set()
  feeds.set(pod, open.add(response))
  response.on('close', () => open.delete(response))
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const table = tables.get(pod)
  if (table) response.write(`${JSON.stringify(table)}\n`)
}

async function takeTraces(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { records } = JSON.parse(Buffer.concat(chunks).toString()) as TraceBatch
  process.stdout.write(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  response.writeHead(202).end()
}

server.listen(Number(process.argv[2]), '0.0.0.0')

for await (const line of createInterface({ input: process.stdin })) {
  const { pod, message } = JSON.parse(line) as PodTable
  tables.set(pod, message)
  for (const feed of feeds.get(pod) ?? []) feed.write(`${JSON.stringify(message)}\n`)
}
