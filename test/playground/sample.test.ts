import { once } from 'node:events'
import type { Server } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { answerPage } from '../../playground/sample/page.ts'
import { readSettings, type SampleAnswer, sampleServer } from '../../playground/sample/service.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

async function start(env: Record<string, string>): Promise<string> {
  const server = sampleServer(readSettings(env)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

test('a chain of three answers with all three, and each passes on traceparent alone', async () => {
  const seen: (string | string[] | undefined)[] = []
  const stock = await start({ SERVICE: 'stock', SPACE: 'dev' })
  servers.at(-1)?.on('request', ({ headers }) => {
    seen.push(headers['traceparent'], headers['azds-route-as'])
  })
  const orders = await start({ SERVICE: 'orders', VERSION: 'v2', SPACE: 'alice', CALLS: stock })
  const web = await start({ SERVICE: 'web', SPACE: 'dev', CALLS: orders })
  const headers = { traceparent: '00-1-2-01', 'azds-route-as': 'alice' }
  const answer = await fetch(`${web}/cart?id=1`, { headers })
  expect(await answer.json()).toEqual({
    service: 'web',
    version: 'v1',
    space: 'dev',
    path: '/cart?id=1',
    status: 200,
    calls: [
      expect.objectContaining({
        service: 'orders',
        version: 'v2',
        space: 'alice',
        calls: [expect.objectContaining({ service: 'stock', path: '/cart?id=1', calls: [] })],
      }),
    ],
  })
  expect(seen).toEqual(['00-1-2-01', undefined])
})

test('a called service that is not there makes the answer a 502 that names it', async () => {
  const web = await start({ CALLS: 'http://127.0.0.1:1' })
  const answer = await fetch(web)
  expect(answer.status).toBe(502)
  const { calls } = (await answer.json()) as SampleAnswer
  expect(calls[0]).toMatchObject({ status: 502, error: expect.stringContaining('ECONNREFUSED') })
})

test('told to end, a service answers who is waiting and lets go of the connection', async () => {
  const stock = await start({ SERVICE: 'stock' })
  const web = await start({ SERVICE: 'web', CALLS: stock })
  const [called, calling] = servers as [Server, Server]
  const closed = once(calling, 'close')
  called.once('request', () => calling.close())
  const answer = await fetch(web)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('connection')).toBe('close')
  await answer.text()
  await closed
})

test('a version that never becomes ready fails its probe and still answers', async () => {
  const broken = await start({ FAIL_READY: 'true' })
  expect((await fetch(`${broken}/healthz`)).status).toBe(503)
  expect((await fetch(broken)).status).toBe(200)
})

test('a browser gets a page in which nothing that a service says is taken for HTML', async () => {
  const web = await start({ SERVICE: 'web', VERSION: '<b>' })
  const answer = await fetch(web, { headers: { accept: 'text/html,*/*' } })
  expect(answer.headers.get('content-type')).toContain('text/html')
  expect(await answer.text()).toContain('&lt;b&gt;')
  const hostile: SampleAnswer = {
    service: '"><script>',
    version: 'v1',
    space: 'a&b',
    path: '/',
    status: 502,
    error: '<img>',
    calls: [],
  }
  expect(answerPage(hostile)).not.toMatch(/<script>|<img>/)
})
