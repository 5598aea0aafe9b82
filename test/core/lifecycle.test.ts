/** Readiness and the end of a program. */
import { EventEmitter } from 'node:events'
import { expect, test } from '@jest/globals'
import { Readiness, runUntilSignal } from '../../core/lifecycle.ts'

test('a program without tasks is ready', () => {
  expect(new Readiness().state).toEqual({ ready: true, waitingFor: [] })
})

test('readiness waits for every task and says for which', () => {
  const readiness = new Readiness()
  const first = readiness.task('feed')
  const second = readiness.task('listeners')
  expect(readiness.state).toEqual({ ready: false, waitingFor: ['feed', 'listeners'] })
  first()
  first()
  expect(readiness.state).toEqual({ ready: false, waitingFor: ['listeners'] })
  second()
  expect(readiness.state.ready).toBe(true)
})

test('two tasks of one name are two', () => {
  const readiness = new Readiness()
  const first = readiness.task('cache')
  readiness.task('cache')
  first()
  expect(readiness.state).toEqual({ ready: false, waitingFor: ['cache'] })
})

test('a drain ends readiness for good', () => {
  const readiness = new Readiness()
  const done = readiness.task('feed')
  readiness.drain()
  done()
  expect(readiness.state).toEqual({ ready: false, waitingFor: ['drain'] })
})

const HANGS = { close: () => new Promise<void>(() => {}) }

test.each(['SIGTERM', 'SIGINT'] as const)('%s drains the program', async (signal) => {
  const signals = new EventEmitter()
  let closed = 0
  const app = {
    close: async () => {
      closed += 1
    },
  }
  const ending = runUntilSignal(app, signals, 10_000)
  expect(closed).toBe(0)
  signals.emit(signal)
  expect(await ending).toBe('drained')
  expect(closed).toBe(1)
  expect(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT')).toBe(0)
})

test('a drain that hangs is cut at the deadline', async () => {
  const signals = new EventEmitter()
  const ending = runUntilSignal(HANGS, signals, 20)
  signals.emit('SIGTERM')
  expect(await ending).toBe('deadline')
})

test('a second signal ends at once, whichever it is', async () => {
  const signals = new EventEmitter()
  const ending = runUntilSignal(HANGS, signals, 60_000)
  signals.emit('SIGTERM')
  await new Promise((resolve) => setImmediate(resolve))
  signals.emit('SIGINT')
  expect(await ending).toBe('second-signal')
})

test('two signals in one breath are two', async () => {
  const signals = new EventEmitter()
  const ending = runUntilSignal(HANGS, signals, 60_000)
  signals.emit('SIGINT')
  signals.emit('SIGINT')
  expect(await ending).toBe('second-signal')
})

test('a close that fails is passed on, and nothing is left listening', async () => {
  const signals = new EventEmitter()
  const app = { close: () => Promise.reject(new Error('port stuck')) }
  const ending = runUntilSignal(app, signals, 60_000)
  signals.emit('SIGTERM')
  await expect(ending).rejects.toThrow('port stuck')
  expect(signals.listenerCount('SIGTERM')).toBe(0)
})
