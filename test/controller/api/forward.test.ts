/** What is passed on to the controller, and what comes back. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { expect, test } from '@jest/globals'
import { ALICE, get, good, ownCa, serve, TRACES } from './api-fixture.ts'

test('the controller gets our own token and the same question, and nothing of the user’s', async () => {
  const seen: IncomingMessage[] = []
  const { port } = await serve({
    controller: (request, response) => {
      seen.push(request)
      response.setHeader('content-type', 'application/json').setHeader('set-cookie', 'x=1')
      response.end('{"a":1}')
    },
  })
  const answer = await get(port, `${TRACES}?q=a%20b&fieldSelector=metadata.name%3Dx`, {
    ...good,
    headers: { ...ALICE, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', cookie: 'y=2' },
  })
  expect(answer).toMatchObject({ status: 200, body: { a: 1 } })
  expect(answer.headers['set-cookie']).toBeUndefined()
  const { url, headers } = seen[0] ?? { headers: {} }
  expect(url).toBe(`${TRACES}?q=a+b&fieldSelector=metadata.name%3Dx`)
  expect(headers).toMatchObject({
    authorization: 'Bearer own-token',
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  })
  expect(headers).not.toHaveProperty('x-remote-user')
  expect(headers).not.toHaveProperty('cookie')
})

test('while the controller is down, its objects are unavailable and discovery still answers', async () => {
  const { port, errors } = await serve()
  const identity = { ...good, headers: ALICE }
  expect(await get(port, TRACES, identity)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '2' },
    body: { kind: 'Status', reason: 'ServiceUnavailable' },
  })
  expect(errors).toHaveLength(1)
  expect((await get(port, '/apis/azds.io/v1', identity)).body).toMatchObject({
    kind: 'APIResourceList',
  })
})

test.each([401, 403, 500])(
  'a controller that answers %d is unavailable, its words stay inside',
  async (status) => {
    const { port, errors } = await serve({
      controller: (_, response) => response.writeHead(status).end('{"secret":"inside"}'),
    })
    const answer = await get(port, TRACES, { ...good, headers: ALICE })
    expect(answer.status).toBe(503)
    expect(answer.text).not.toContain('inside')
    expect(errors[0]).toContain(String(status))
  },
)

test('what the controller refuses of the question itself is passed on', async () => {
  const body = '{"kind":"Status","code":404}'
  const { port } = await serve({ controller: (_, response) => response.writeHead(404).end(body) })
  expect(await get(port, `${TRACES}/abc`, { ...good, headers: ALICE })).toMatchObject({
    status: 404,
    body: { kind: 'Status' },
  })
})

test('a watch streams line by line, waits for a slow reader, and ends on both sides together', async () => {
  const line = `${'x'.repeat(64 * 1024)}\n`
  let written = 0
  let stalled = false
  const ended = Promise.withResolvers<void>()
  const { port } = await serve({
    controller: (_, response) => {
      response.writeHead(200)
      response.write('first\n')
      response.on('close', () => ended.resolve())
      const pump = setInterval(() => {
        if (!response.writableNeedDrain) {
          written += line.length
          response.write(line)
        } else stalled = true
      }, 0)
      response.on('close', () => clearInterval(pump))
    },
  })
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    path: `${TRACES}?watch=true`,
    ca: ownCa.cert,
    servername: 'localhost',
    agent: false,
    ...good,
    headers: ALICE,
  })
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const [first] = (await once(answer, 'data')) as [Buffer]
  expect(first.toString().startsWith('first\n')).toBe(true)
  answer.pause()
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  // Whatever the sockets on the way hold, at some time the controller is held up: else this never ends.
  await until(() => stalled)
  const held = written
  answer.resume()
  await until(() => written > held)
  request.destroy()
  await ended.promise
})
