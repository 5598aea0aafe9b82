/** What azds asks and reads is what the controller offers: both are the real ones. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { controllerAt } from '../../cli/controller-client.ts'
import { controllerTraces } from '../../cli/controller-traces.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { azds } from '../cli/world-fixture.ts'
import { startTestController, type TestController } from '../controller/running.ts'
import { sampleRecord, sampleTrace, traceIdOf } from '../core/sample-records.ts'

let controller: TestController

beforeEach(async () => {
  controller = await startTestController()
})

afterEach(() => controller.close())

async function send(records: TraceRecord[]): Promise<void> {
  const answer = await fetch(`${controller.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: 'dev', pod: 'web-1', dropped: 0, records }),
  })
  expect(answer.status).toBe(202)
}

const run = (line: string, stop?: AbortSignal) =>
  azds(line, null, {
    traces: async () => controllerTraces(controllerAt(controller.url)),
    ...(stop && { stop }),
  })

test('the list shows traces that were sent, newest first, within the limit', async () => {
  await send([...sampleTrace(), sampleRecord({ path: '/later', startedAt: Date.now() })])
  const { code, out } = await run('trace')
  expect(code).toBe(0)
  const lines = out.trim().split('\n').slice(2)
  expect(lines).toHaveLength(2)
  expect(lines[0]).toContain('GET /later')
  expect(lines[1]).toContain('alice  web > orders > stock')
  expect((await run('trace --limit 1')).out).not.toContain('stock')
})

test('filters are the controller’s', async () => {
  await send([...sampleTrace(), sampleRecord({ path: '/other' })])
  expect((await run('trace --space alice')).out).not.toContain('/other')
  expect((await run('trace --service stock')).out).toContain('/cart')
  expect((await run('trace --service nobody')).out).toBe('')
})

test('one trace is shown as its hops', async () => {
  await send(sampleTrace())
  const { out } = await run(`trace ${traceIdOf(7)}`)
  expect(out).toContain('space alice (from header)')
  expect(out).toMatch(/^ {2}web \(dev\) -> orders \(alice\) +GET \/orders .*child for alice$/m)
  expect(out).toMatch(/^ {4}orders \(alice\) -> stock \(dev\) .*fallback-absent for alice$/m)
})

test('a trace that is not in the store is told in the controller’s own words', async () => {
  const { code, err } = await run(`trace ${traceIdOf(99)}`)
  expect(err).toContain(`trace ${traceIdOf(99)} is not in the store`)
  expect(code).toBe(1)
})

test('-f shows each exchange once, as it arrives', async () => {
  const stop = new AbortController()
  const following = run('trace -f --space alice', stop.signal)
  await eventually(async () => {
    const metrics = await (await fetch(`${controller.url}/metrics`)).text()
    return /followers\S* 1$/m.test(metrics)
  })
  await send(sampleTrace())
  await sleep(200)
  stop.abort()
  const { out } = await following
  // From outside to web, web to orders, orders to stock; what sidecars delivered has no second line.
  expect(out.trim().split('\n')).toHaveLength(3)
})

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 4000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('the stream was not opened within 4 s')
    await sleep(10)
  }
}
