/** The API client against a scripted server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from '@jest/globals'
import { createClient, type KubeClient, KubeError } from '../../../core/kube/client.ts'
import { createKubeClient } from '../../../core/kube/kubeconfig.ts'
import { answerJson, type ScriptedApi, scriptedApi } from './api-fixture.ts'

let api: ScriptedApi | null = null

afterEach(async () => {
  await api?.close()
  api = null
})

test('server and namespace come from the context, with default where it names none', async () => {
  api = await scriptedApi((_, response) => response.end())
  expect(api.client.server).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(api.client.namespace).toBe('alice')
  const plain = createKubeClient({ kubeconfig: api.kubeconfig, context: 'plain' })
  expect(plain.namespace).toBe('default')
})

test('of several kubeconfigs the first that names a thing wins, and missing ones are passed over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'azds-kubeconfigs-'))
  const file = (name: string, server: string, contexts: string[], current?: string) => {
    const path = join(folder, name)
    const content = {
      'current-context': current,
      clusters: [{ name: 'shared', cluster: { server } }],
      users: [{ name: 'me', user: {} }],
      contexts: contexts.map((context) => ({
        name: context,
        context: { cluster: 'shared', user: 'me', namespace: `of-${name}` },
      })),
    }
    writeFileSync(path, JSON.stringify(content))
    return path
  }
  try {
    const missing = join(folder, 'missing')
    const one = file('one', 'https://one.test', ['a'])
    const two = file('two', 'https://two.test', ['a', 'b'], 'b')
    const client = createKubeClient({ kubeconfigs: [missing, one, two] })
    expect([client.server, client.namespace]).toEqual(['https://one.test', 'of-two'])
    const chosen = createKubeClient({ kubeconfigs: [one, two], context: 'a' })
    expect(chosen.namespace).toBe('of-one')
    expect(() => createKubeClient({ kubeconfigs: [missing] })).toThrow(
      `no kubeconfig is at ${missing}: set KUBECONFIG to one that is there`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  '/api/v1/namespaces/alice/pods/..',
  '/api/v1/namespaces/alice/pods/../../../../secrets?watch=true',
  '/api/v1/namespaces/alice/pods/%2e%2E/services',
  '/api/v1/namespaces/alice/pods/..\\..\\bob',
  '/api/v1/namespaces/alice/pods/.\t./services',
  '/api/v1/namespaces/alice/pods/web#1',
])('no request is made where a name leads elsewhere: %s', async (path) => {
  const asked: unknown[] = []
  api = await scriptedApi(({ url }, response) => {
    asked.push(url)
    response.end('{}')
  })
  await expect(api.client.get(path)).rejects.toThrow('a name in it is none of Kubernetes')
  await expect(api.client.delete(path)).rejects.toThrow('a name in it is none of Kubernetes')
  await api.client.get('/api/v1/namespaces/alice/pods/web..1?a=/../b')
  expect(asked).toEqual(['/api/v1/namespaces/alice/pods/web..1?a=/../b'])
})

test('an unknown context is named together with those there are', async () => {
  api = await scriptedApi((_, response) => response.end())
  expect(() => createKubeClient({ kubeconfig: api?.kubeconfig, context: 'bob' })).toThrow(
    'context "bob" is not in the kubeconfig; it has: alice, plain',
  )
})

test('each verb sends its method, its body and the token', async () => {
  const seen: unknown[] = []
  api = await scriptedApi((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { authorization, 'content-type': type } = request.headers
      seen.push([request.method, request.url, authorization, type, body])
      answerJson(response, 200, { kind: 'Thing', odd: { field: 1 } })
    })
  })
  const json = 'application/json'
  expect(await api.client.get('/a')).toEqual({ kind: 'Thing', odd: { field: 1 } })
  await api.client.create('/b', { x: 1 })
  await api.client.replace('/c', { x: 2 })
  await api.client.patch('/d', 'application/merge-patch+json', { x: 3 })
  await api.client.delete('/e')
  expect(seen).toEqual([
    ['GET', '/a', 'Bearer hunter2', json, ''],
    ['POST', '/b', 'Bearer hunter2', json, '{"x":1}'],
    ['PUT', '/c', 'Bearer hunter2', json, '{"x":2}'],
    ['PATCH', '/d', 'Bearer hunter2', 'application/merge-patch+json', '{"x":3}'],
    ['DELETE', '/e', 'Bearer hunter2', json, ''],
  ])
})

test('a Status answer becomes an error with status, reason and the request', async () => {
  api = await scriptedApi((_, response) =>
    answerJson(response, 404, { reason: 'NotFound', message: 'namespaces "x" not found' }),
  )
  const error = await api.client.get('/api/v1/namespaces/x').catch((caught) => caught)
  expect(error).toBeInstanceOf(KubeError)
  expect(error).toMatchObject({
    status: 404,
    reason: 'NotFound',
    message: 'GET /api/v1/namespaces/x: namespaces "x" not found',
  })
})

test('an error answer that is no Status is quoted', async () => {
  api = await scriptedApi((_, response) => response.writeHead(502).end('<h1>bad gateway</h1>\n'))
  await expect(api.client.text('/x')).rejects.toMatchObject({
    status: 502,
    message: 'GET /x: status 502: <h1>bad gateway</h1>',
  })
})

test('a server that is not there is named', async () => {
  api = await scriptedApi((_, response) => response.end())
  const { client } = api
  await api.close()
  api = null
  await expect(client.get('/x')).rejects.toThrow(
    /^GET \/x at http:\/\/127.0.0.1:\d+: .*ECONNREFUSED/,
  )
})

test('get can be aborted while the server keeps silent', async () => {
  api = await scriptedApi(() => {})
  const abort = new AbortController()
  const answer = api.client.get('/x', abort.signal)
  setTimeout(() => abort.abort(), 20)
  await expect(answer).rejects.toThrow(/GET \/x at .*abort/)
})

async function linesOf(chunks: (string | Buffer)[]): Promise<string[]> {
  api = await scriptedApi(async (_, response) => {
    for (const chunk of chunks) {
      response.write(chunk)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    response.end()
  })
  const lines: string[] = []
  await api.client.lines('/x', (line) => lines.push(line), new AbortController().signal)
  return lines
}

const snowman = Buffer.from('☃')

test.each([
  ['one in each chunk', ['a\n', 'b\n'], ['a', 'b']],
  ['several in one chunk', ['a\nb\nc\n'], ['a', 'b', 'c']],
  ['one over several chunks', ['a', 'b', 'c\n'], ['abc']],
  ['CRLF, also torn apart', ['a\r\nb\r', '\nc\r\n'], ['a', 'b', 'c']],
  ['empty ones are dropped', ['\n\na\n\n'], ['a']],
  ['a last one without an end', ['a\nb'], ['a', 'b']],
  ['a character torn apart', [snowman.subarray(0, 1), snowman.subarray(1), '\n'], ['☃']],
  ['U+2028 does not end one', ['{"a":"\u2028\u2029"}\n'], ['{"a":"\u2028\u2029"}']],
])('lines: %s', async (_, chunks, expected) => {
  expect(await linesOf(chunks)).toEqual(expected)
})

test('lines ends quietly when it is aborted, before and after the answer began', async () => {
  const opened: (() => void)[] = []
  api = await scriptedApi((_, response, url) => {
    if (url.pathname === '/begun') response.write('a\n')
    for (const done of opened) done()
  })
  const silent = new AbortController()
  opened.push(() => setTimeout(() => silent.abort(), 10))
  await api.client.lines('/silent', () => {}, silent.signal)
  const begun = new AbortController()
  await api.client.lines('/begun', () => begun.abort(), begun.signal)
  await api.client.lines('/never', () => {}, AbortSignal.abort())
  expect(api.requests).toEqual(['GET /silent', 'GET /begun'])
})

test('lines rejects when the connection is cut', async () => {
  api = await scriptedApi((_, response) => {
    response.write('a\n')
    setTimeout(() => response.destroy(), 20)
  })
  const lines: string[] = []
  const read = api.client.lines('/x', (line) => lines.push(line), new AbortController().signal)
  await expect(read).rejects.toThrow()
  expect(lines).toEqual(['a'])
})

test('lines rejects on a status that is not 2xx, and when the reader throws', async () => {
  api = await scriptedApi((_, response, url) => {
    if (url.pathname === '/gone') answerJson(response, 410, { reason: 'Expired', message: 'old' })
    else response.write('a\n')
  })
  const { signal } = new AbortController()
  await expect(api.client.lines('/gone', () => {}, signal)).rejects.toMatchObject({ status: 410 })
  const throwing = () => {
    throw new Error('cannot read this')
  }
  await expect(api.client.lines('/x', throwing, signal)).rejects.toThrow('cannot read this')
})

test('what a write asks for besides is in its query and its body', async () => {
  const seen: unknown[] = []
  api = await scriptedApi(async (request, response) => {
    const body = await text(request)
    seen.push([request.method, request.url, request.headers['content-type'], body])
    answerJson(response, 200, {})
  })
  const { client } = api
  await client.apply('/a/x', { a: 1 }, { manager: 'azds webhook' })
  await client.apply('/a/x', { a: 1 }, { manager: 'azds', force: true, dryRun: true })
  await client.create('/b?x=1', { b: 1 }, { dryRun: true })
  await client.delete('/c', { dryRun: true })
  await client.delete('/d', { uid: 'u-1', propagation: 'Foreground' })
  const deletion = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: 'u-1' },
    propagationPolicy: 'Foreground',
  }
  const json = 'application/json'
  const applied = 'application/apply-patch+yaml'
  expect(seen).toEqual([
    ['PATCH', '/a/x?fieldManager=azds%20webhook', applied, '{"a":1}'],
    ['PATCH', '/a/x?fieldManager=azds&force=true&dryRun=All', applied, '{"a":1}'],
    ['POST', '/b?x=1&dryRun=All', json, '{"b":1}'],
    ['DELETE', '/c?dryRun=All', json, ''],
    ['DELETE', '/d', json, JSON.stringify(deletion)],
  ])
})

test.each([
  ['none', [], []],
  ['one', ['299 - "pods are odd"'], ['pods are odd']],
  ['several headers', ['299 - "one"', '299 - "two"'], ['one', 'two']],
  ['several in one header', ['299 - "one, or so", 299 kube "two"'], ['one, or so', 'two']],
  ['quotes inside', ['299 - "say \\"a\\\\b\\""'], ['say "a\\b"']],
])('warnings of an answer are told: %s', async (_, headers, expected) => {
  api = await scriptedApi((_, response) => {
    if (headers.length > 0) response.setHeader('warning', headers)
    answerJson(response, 200, {})
  })
  const warnings: string[] = []
  await api.client.create('/x', {}, { onWarning: (warning) => warnings.push(warning) })
  expect(warnings).toEqual(expected)
})

/** A client that keeps its connections, against a server that cuts each after its first answer. */
async function withStaleConnection(use: (client: KubeClient) => Promise<unknown>) {
  const sockets = new Set<unknown>()
  api = await scriptedApi((request, response) => {
    if (sockets.has(request.socket)) request.socket.resetAndDestroy()
    else answerJson(response, 200, {})
    sockets.add(request.socket)
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const credentials = async () => ({ agent })
  const { server } = api.client
  try {
    const client = createClient({ server, namespace: 'x', userAgent: 'test', credentials })
    await client.get('/first')
    return await use(client)
  } finally {
    agent.destroy()
  }
}

test('a kept connection that the server has closed is not the request’s fault: it is sent again', async () => {
  expect(await withStaleConnection((client) => client.replace('/x', {}))).toEqual({})
  expect(api?.requests).toEqual(['GET /first', 'PUT /x', 'PUT /x'])
})

test('but not a POST, which could make two objects', async () => {
  await expect(withStaleConnection((client) => client.create('/x', {}))).rejects.toThrow(
    /POST \/x at .*(ECONNRESET|hang up)/,
  )
  expect(api?.requests).toEqual(['GET /first', 'POST /x'])
})
