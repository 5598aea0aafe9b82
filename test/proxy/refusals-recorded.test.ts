/** That no refusal is lost on its way to the controller: real sockets, the real controller and its store. */
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { TraceDetail, TraceSummary } from '../../core/controller-api.ts'
import { ENV } from '../../core/names.ts'
import { startTestController, type TestController } from '../controller/running.ts'
import { REFUSED_REQUESTS } from './http1/refused-requests.ts'
import { createWorld, type World } from './proxy-world.ts'

let controller: TestController
let world: World
afterEach(async () => {
  await world.close()
  await controller.close()
})

/** A proxy that keeps its records until it ends, so that the end has to deliver them all. */
async function start(): Promise<void> {
  controller = await startTestController()
  const env = { [ENV.controllerUrl]: controller.url, AZDS_TRACE_FLUSH_MS: '60000' }
  world = await createWorld({ env })
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(controller.url + path)).json()) as T
}

/** Status and error of all that is stored, however many pages. */
async function recorded(): Promise<{ status: number | null; message: string | null }[]> {
  const traces: TraceSummary[] = []
  for (let before = ''; ; ) {
    const page = await get<TraceSummary[]>(`/v1/traces?limit=200&before=${before}`)
    const last = page.at(-1)
    if (last === undefined) break
    traces.push(...page)
    before = `${last.startedAt},${last.traceId}`
  }
  const details = traces.map(({ traceId }) => get<TraceDetail>(`/v1/traces/${traceId}`))
  return (await Promise.all(details)).flatMap(({ records }) =>
    records.map(({ status, error }) => ({ status, message: error?.message ?? null })),
  )
}

async function answerOn(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  await new Promise((resolve) => socket.on('close', resolve).on('end', () => socket.end()))
  return text
}

test('each request that is refused leaves one record with its rule, though the proxy ends at once', async () => {
  await start()
  const app = await world.serve(
    createServer((_, response) => response.end('ok')),
    '127.0.0.1',
  )
  const told = await Promise.all(
    REFUSED_REQUESTS.map(async ({ text }) => {
      const socket = world.connect('inbound', app)
      socket.write(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${text}`, 'latin1'))
      const [, rule = 'none'] = /\r\n\r\nbad-request: (.*)\n/.exec(await answerOn(socket)) ?? []
      return rule
    }),
  )
  await world.app.close()
  const records = await recorded()
  const messages = records.flatMap(({ status, message }) => (status === 400 ? [message] : []))
  expect(messages.toSorted()).toEqual(told.toSorted())
  expect(new Set(told).size).toBeGreaterThan(20)
  REFUSED_REQUESTS.forEach(({ problem }, i) => void expect(told[i]).toContain(problem))
  expect(records.filter(({ status }) => status === 200)).toHaveLength(told.length)
})
