import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { LogOptions } from '../../playground/apiserver/pod-log.ts'
import { ContainerLog } from '../../playground/node/container-log.ts'
import { readLog } from '../../playground/node/log-reader.ts'

const options = (more: Partial<LogOptions> = {}): LogOptions => ({
  follow: false,
  tailLines: null,
  previous: false,
  timestamps: false,
  signal: new AbortController().signal,
  ...more,
})

async function textOf(log: ContainerLog, more: Partial<LogOptions> = {}): Promise<string> {
  let text = ''
  for await (const part of readLog(log, options(more))) text += part
  return text
}

function logOf(...lines: string[]): ContainerLog {
  const log = new ContainerLog(() => 0)
  for (const line of lines) log.append(line)
  return log
}

test('a stream becomes lines, however it is cut, and the last needs no line feed', async () => {
  const log = new ContainerLog(() => 0)
  const stream = new PassThrough()
  log.collect(stream)
  for (const part of ['on', 'e\ntw', 'o\n\nthr', 'ee']) stream.write(part)
  stream.end()
  while (log.lines.length < 4) await sleep(5)
  expect(log.lines.map(({ text }) => text)).toEqual(['one', 'two', '', 'three'])
})

test.each<[Partial<LogOptions>, string]>([
  [{}, 'a\nb\nc\n'],
  [{ tailLines: 2 }, 'b\nc\n'],
  [{ tailLines: 0 }, ''],
  [{ tailLines: 9 }, 'a\nb\nc\n'],
  [{ tailLines: 1, timestamps: true }, '1970-01-01T00:00:00.000Z c\n'],
])('with %j it reads %j', async (more, text) => {
  expect(await textOf(logOf('a', 'b', 'c'), more)).toBe(text)
})

test('a followed log gives old lines, then new ones, and ends with the container', async () => {
  const log = logOf('old')
  const text = textOf(log, { follow: true })
  await sleep(5)
  log.append('new')
  await sleep(5)
  log.append('last')
  log.end()
  expect(await text).toBe('old\nnew\nlast\n')
  expect(await textOf(log, { follow: true })).toBe('old\nnew\nlast\n')
})

test('a follower that goes away is let go', async () => {
  const log = logOf('old')
  const leaving = new AbortController()
  const text = textOf(log, { follow: true, signal: leaving.signal })
  await sleep(5)
  leaving.abort()
  expect(await text).toBe('old\n')
})

test('a log keeps its last megabyte', () => {
  const log = new ContainerLog(() => 0)
  for (let index = 0; index < 3000; index++) log.append(`${index} ${'x'.repeat(1000)}`)
  const kept = log.lines.reduce((sum, { text }) => sum + text.length + 1, 0)
  expect(kept).toBeLessThanOrEqual(1024 * 1024)
  expect(kept).toBeGreaterThan(1000 * 1000)
  expect(log.lines.at(-1)?.text).toMatch(/^2999 /)
})
