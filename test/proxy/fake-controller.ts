/** A controller for tests: streams what it is told to, and keeps the traces that it is sent. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FeedMessage } from '../../core/routing-feed.ts'
import type { TraceBatch, TraceRecord } from '../../core/trace-record.ts'

export interface FakeController {
  url: string
  /** Queries of the feed requests so far. */
  queries: string[]
  batches: TraceBatch[]
  /** Sent to every feed connection when it opens. */
  greeting: string[]
  /** Status of the answers to posted traces. */
  traceStatus: number
  /** Their body. */
  traceAnswer: string
  /** Sends a line to all open feeds. */
  say(line: FeedMessage | string | Buffer): void
  /** Cuts all open feeds off. */
  cut(): void
  records(): TraceRecord[]
  close(): Promise<void>
}

export async function fakeController(
  greeting: FeedMessage[] = [],
  port = 0,
): Promise<FakeController> {
  const feeds = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/v1/feed')) openFeed(request, response)
    else void takeTraces(request, response)
  })
  const controller: FakeController = {
    url: '',
    queries: [],
    batches: [],
    greeting: greeting.map(line),
    traceStatus: 202,
    traceAnswer: '',
    say: (message) => {
      for (const feed of feeds) feed.write(isRaw(message) ? message : line(message))
    },
    cut: () => {
      for (const feed of feeds) feed.destroy()
    },
    records: () => controller.batches.flatMap((batch) => batch.records),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  function openFeed(request: IncomingMessage, response: ServerResponse): void {
    controller.queries.push(request.url ?? '')
    feeds.add(response)
    response.on('close', () => feeds.delete(response))
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.flushHeaders()
    for (const text of controller.greeting) response.write(text)
  }

  async function takeTraces(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (controller.traceStatus < 300) {
      controller.batches.push(JSON.parse(Buffer.concat(chunks).toString()) as TraceBatch)
    }
    response.writeHead(controller.traceStatus).end(controller.traceAnswer)
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  controller.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return controller
}

function isRaw(message: FeedMessage | string | Buffer): message is string | Buffer {
  return typeof message === 'string' || Buffer.isBuffer(message)
}

export function line(message: FeedMessage): string {
  return `${JSON.stringify(message)}\n`
}

type Awaitable<T> = T | Promise<T>

/** Waits until `probe` gives something; fails after `ms` with the name of what did not come. */
export async function eventually<T>(
  what: string,
  probe: () => Awaitable<T | null | undefined | false>,
  ms = 15_000,
): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > end) throw new Error(`${what} did not come within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
