import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type Detected, type DetectionOwner, detectProtocol } from '../../proxy/detection.ts'
import { type MemoryStream, memoryPair } from './memory-stream.ts'

const SETTINGS = Buffer.from('\0\0\0\x04\0\0\0\0\0', 'latin1')
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

let client: MemoryStream
let server: MemoryStream
let detected: Detected | null

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'queueMicrotask', 'nextTick'] })
  detected = null
  const [near, far] = memoryPair()
  const [ours, theirs] = memoryPair()
  client = near
  server = theirs
  const owner: DetectionOwner = {
    dialOriginal: () => ours,
    onGone: () => {},
    onDetected: (found) => {
      detected = found
    },
  }
  detectProtocol(far, owner, { dials: true, dialDelayMs: 0 })
})

afterEach(() => {
  jest.useRealTimers()
})

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('a server that says its SETTINGS first is waited out until its client has spoken', async () => {
  server.write(SETTINGS)
  await turns()
  expect(detected).toBeNull()
  client.write(PREFACE)
  await turns()
  expect(detected).toMatchObject({ protocol: 'h2', fromClient: PREFACE, fromServer: SETTINGS })
})

test('bytes that only begin like SETTINGS are opaque from the first that does not fit', async () => {
  server.write(SETTINGS.subarray(0, 5))
  await turns()
  expect(detected).toBeNull()
  server.write(Buffer.from('hello'))
  await turns()
  expect(detected).toMatchObject({ protocol: 'opaque' })
  expect(detected?.fromServer.length).toBe(10)
})

test('a client that says nothing gets those bytes after a second', async () => {
  server.write(SETTINGS)
  await turns()
  jest.advanceTimersByTime(999)
  expect(detected).toBeNull()
  jest.advanceTimersByTime(1)
  expect(detected).toMatchObject({ protocol: 'opaque', fromServer: SETTINGS })
})

test('a client of HTTP/1 and a server of HTTP/2 see each other’s bytes', async () => {
  server.write(SETTINGS)
  await turns()
  client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await turns()
  expect(detected).toMatchObject({ protocol: 'opaque', fromServer: SETTINGS })
})
