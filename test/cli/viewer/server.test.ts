import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { aggregatedTraces } from '../../../cli/aggregated-traces.ts'
import { startViewerServer, type ViewerServer } from '../../../cli/viewer/server.ts'
import type { ErrorAnswer } from '../../../core/controller-api.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { API_ROOT } from '../../../core/trace-resource.ts'
import { answerJson, type ScriptedApi, scriptedApi } from '../../core/kube/api-fixture.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const closing: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** An API server with two traces, one a page, whose reader may read `readable` (`*`: all). */
async function cluster(readable: readonly string[] = ['*']): Promise<ScriptedApi> {
  const api = await scriptedApi((_, response, url) => {
    if (url.pathname === `${API_ROOT}/spaces`) {
      const status = { path: 'dev/alice', problem: null, services: [] }
      const space = { metadata: { name: 'alice' }, spec: { parent: 'dev' }, status }
      return answerJson(response, 200, { items: [space] })
    }
    const namespace = /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1] ?? '*'
    if (!readable.includes(namespace)) {
      return answerJson(response, 403, { reason: 'Forbidden', message: 'no' })
    }
    if (url.searchParams.has('watch')) {
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: {} } })}\n`)
      const object = { metadata: {}, added: [{ traceId: ID } as TraceRecord] }
      response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`)
      return
    }
    if (url.pathname.endsWith(ID)) return answerJson(response, 200, { records: [{ traceId: ID }] })
    const isSecond = url.searchParams.get('continue') === 'opaque'
    const summary = { traceId: isSecond ? 'b'.repeat(32) : ID, startedAt: 7 }
    const metadata = isSecond ? {} : { continue: 'opaque' }
    answerJson(response, 200, { metadata, items: [{ summary, records: [{ traceId: ID }] }] })
  })
  closing.push(() => api.close())
  return api
}

async function serve(api: ScriptedApi, access: 'link' | 'open'): Promise<ViewerServer> {
  const directory = mkdtempSync(join(tmpdir(), 'azds-viewer-'))
  writeFileSync(join(directory, 'index.html'), '<p>page</p>')
  writeFileSync(join(directory, 'main.js'), 'run()')
  writeFileSync(join(directory, 'secret.txt'), 'no')
  closing.push(() => rmSync(directory, { recursive: true }))
  const source = aggregatedTraces(api.client, null)
  const server = await startViewerServer({ client: api.client, source, directory, port: 0, access })
  closing.push(() => server.close())
  return server
}

async function get(server: ViewerServer, path: string, headers: Record<string, string> = {}) {
  return fetch(`http://127.0.0.1:${server.port}${path}`, { headers, redirect: 'manual' })
}

async function messageOf(answer: Response): Promise<string> {
  return ((await answer.json()) as ErrorAnswer).error.message
}

test('the link opens the page once, and its cookie goes on', async () => {
  const server = await serve(await cluster(), 'link')
  const link = await fetch(server.url, { redirect: 'manual' })
  expect(link.status).toBe(303)
  expect(link.headers.get('location')).toBe('/')
  const cookie = link.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
  const again = await fetch(server.url, { redirect: 'manual' })
  expect(again.status).toBe(401)
  const own = { cookie: `other=1; ${cookie.split(';')[0]}` }
  const page = await get(server, '/', own)
  expect([page.status, await page.text()]).toEqual([200, '<p>page</p>'])
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect((await get(server, '/v1/traces', own)).status).toBe(200)
  expect((await get(server, new URL(server.url).search, own)).status).toBe(303)
})

test.each([
  ['nothing', {}],
  ['a cookie of somebody’s', { cookie: 'azds-viewer-1=x' }],
])('with %s there is neither page nor data, and the way in is told', async (_, headers) => {
  const server = await serve(await cluster(), 'link')
  for (const path of ['/', '/main.js', '/v1/traces', '/?token=wrong']) {
    const answer = await get(server, path, headers)
    expect(answer.status).toBe(401)
    expect(await messageOf(answer)).toContain('open the link')
  }
})

test('a name that somebody else has led here is refused, whatever the cookie', async () => {
  const server = await serve(await cluster(), 'open')
  const status = await new Promise((resolve, reject) => {
    const options = { port: server.port, host: '127.0.0.1', headers: { host: 'evil.example' } }
    httpRequest(options, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(421)
})

test('files are those of the page alone, and nothing can be written', async () => {
  const server = await serve(await cluster(), 'open')
  expect(await (await get(server, '/main.js')).text()).toBe('run()')
  for (const path of ['/secret.txt', '/../package.json', '/%2e%2e/x', '/v1/nothing']) {
    expect((await get(server, path)).status).toBe(404)
  }
  const post = await fetch(`http://127.0.0.1:${server.port}/v1/traces`, { method: 'POST' })
  expect(post.status).toBe(405)
})

test('pages of traces go on by the API’s own token, though the page names the last trace', async () => {
  const server = await serve(await cluster(), 'open')
  const first = await (await get(server, '/v1/traces?limit=1')).json()
  expect(first).toMatchObject([{ traceId: ID }])
  const second = await (await get(server, `/v1/traces?limit=1&before=7,${ID}`)).json()
  expect(second).toMatchObject([{ traceId: 'b'.repeat(32) }])
  const third = await get(server, `/v1/traces?limit=1&before=7,${'b'.repeat(32)}`)
  expect(await third.json()).toEqual([])
  const unknown = await get(server, '/v1/traces?before=1,c')
  expect(unknown.status).toBe(410)
})

test('a trace and the tree of spaces are what the page expects', async () => {
  const server = await serve(await cluster(), 'open')
  const trace = await get(server, `/v1/traces/${ID}`)
  expect(await trace.json()).toEqual({ traceId: ID, records: [{ traceId: ID }] })
  const spaces = await get(server, '/v1/spaces')
  expect(await spaces.json()).toEqual([
    { name: 'alice', parent: 'dev', path: 'dev/alice', problem: null, services: [] },
  ])
})

test('who may not read all spaces is asked to choose, and then reads that one', async () => {
  const api = await cluster(['alice'])
  const server = await serve(api, 'open')
  const all = await get(server, '/v1/traces')
  expect(all.status).toBe(403)
  expect(await messageOf(all)).toContain('choose one')
  expect((await get(server, '/v1/traces?space=alice')).status).toBe(200)
  // The trace is read where it was found, though the page does not say so.
  expect((await get(server, `/v1/traces/${ID}`)).status).toBe(200)
  expect(api.requests.at(-1)).toBe(`GET ${API_ROOT}/namespaces/alice/traces/${ID}`)
  expect((await get(server, '/v1/traces?space=bob')).status).toBe(403)
})

test('the live stream is that of the API, as events, and ends with its reader', async () => {
  const server = await serve(await cluster(), 'open')
  const stop = new AbortController()
  const answer = await fetch(`http://127.0.0.1:${server.port}/v1/traces/follow`, {
    signal: stop.signal,
  })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  let text = ''
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  while (!text.includes('\n\nevent: record')) text += (await reader?.read())?.value ?? ''
  expect(text).toContain(`data: {"traceId":"${ID}"}`)
  stop.abort()
})

test('a page that was not built is told at the start', async () => {
  const api = await cluster()
  const source = aggregatedTraces(api.client, null)
  const options = {
    client: api.client,
    source,
    directory: tmpdir(),
    port: 0,
    access: 'open',
  } as const
  await expect(startViewerServer(options)).rejects.toThrow('the viewer is not in')
})
