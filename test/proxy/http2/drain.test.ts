import http2 from 'node:http2'
import type net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import { createWorld, type World } from '../proxy-world.ts'
import { snapshot } from '../sample-tree.ts'
import { data, headers, ping } from './frames.ts'
import { type Heard, type Pair, RawClient } from './raw-client.ts'

const FIRST_GOODBYE = 0x7fff_ffff

let world: World
const clients: RawClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await world.close()
})

/** Echoes what comes while it comes, with trailers. */
async function startEcho(): Promise<void> {
  world = await createWorld()
  world.appSockets = 1
  const server = http2.createServer()
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.pipe(stream)
  })
  const destination = await world.serve(server as unknown as net.Server, '127.0.29.2')
  world.destination = { kind: 'redirected', destination }
  await world.publish(snapshot())
}

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(world.app.addresses.inbound as Address)
  clients.push(client)
  return client
}

function open(client: RawClient, streamId: number, path: string): void {
  const fields: Pair[] = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'orders'],
  ]
  client.send(headers(streamId, client.block(fields), 4))
}

const isHead = (id: number) => (event: Heard) =>
  event.kind === 'headers' && event.streamId === id && !event.endStream
const isEnd = (id: number) => (event: Heard) =>
  event.kind === 'headers' && event.streamId === id && event.endStream
const isGoodbye = (lastStreamId: number) => (event: Heard) =>
  event.kind === 'goaway' && event.code === 0 && event.lastStreamId === lastStreamId
const isPing = (event: Heard) => event.kind === 'ping' && !event.ack

function textOf(client: RawClient, id: number): string {
  const parts = client.heard.map((event) =>
    event.kind === 'data' && event.streamId === id ? event.text : '',
  )
  return parts.join('')
}

test('a proxy that ends tells its clients, takes what is on its way, and ends when all is answered', async () => {
  await startEcho()
  const client = await connect()
  await client.handshake()
  open(client, 1, '/before')
  client.send(data(1, 'one '))
  expect(await client.until(isHead(1))).not.toBeNull()

  let isClosed = false
  const closing = world.app.close().then(() => {
    isClosed = true
  })
  expect(await client.until(isGoodbye(FIRST_GOODBYE))).not.toBeNull()
  open(client, 3, '/on-its-way')
  client.send(data(3, 'two', true))
  expect(await client.until(isPing)).not.toBeNull()
  client.send(ping('azds-bye', 1))
  expect(await client.until(isGoodbye(3))).not.toBeNull()
  expect(await client.until(isEnd(3))).not.toBeNull()

  // The app is gone already, and what is open keeps the proxy.
  world.appSockets = 0
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(isClosed).toBe(false)
  client.send(data(1, 'more', true))
  expect(await client.until(isEnd(1))).not.toBeNull()
  expect(await client.until(({ kind }) => kind === 'closed')).not.toBeNull()
  await closing
  expect([textOf(client, 1), textOf(client, 3)]).toEqual(['one more', 'two'])
  expect(client.heard.filter(({ kind }) => kind === 'rst-stream')).toEqual([])
  const records = world.controller.records().map(({ path, status, error }) => [path, status, error])
  expect(records.sort()).toEqual([
    ['/before', 200, null],
    ['/on-its-way', 200, null],
  ])
})

test('a connection that comes during the drain is served, and told to go', async () => {
  await startEcho()
  const closing = world.app.close()
  const client = await connect()
  // As gRPC's clients do, which begin when they have heard the server's SETTINGS.
  await client.handshake()
  open(client, 1, '/late')
  client.send(data(1, 'late', true))
  expect(await client.until(isEnd(1))).not.toBeNull()
  expect(textOf(client, 1)).toBe('late')
  expect(await client.until(({ kind }) => kind === 'goaway')).not.toBeNull()
  expect(await client.until(({ kind }) => kind === 'closed')).not.toBeNull()
  world.appSockets = 0
  await closing
})
