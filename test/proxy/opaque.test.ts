import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import type { TraceRecord } from '../../core/trace-record.ts'
import { passThrough } from '../../proxy/opaque.ts'
import { memoryPair } from './memory-stream.ts'

const AT = { ip: '10.0.0.1', port: 5432 }

const turn = () => new Promise((resolve) => setImmediate(resolve))

function start() {
  const [app, client] = memoryPair()
  const [upstream, server] = memoryPair()
  const records: TraceRecord[] = []
  const received: string[] = []
  const deaf = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} }
  server.listen({ ...deaf, onData: (chunk) => received.push(chunk.toString()) })
  app.listen(deaf)
  const first = Buffer.from('the first bytes, cut from a block that others share')
  passThrough(
    {
      direction: 'outbound',
      client,
      destination: AT,
      detected: {
        protocol: 'tls',
        sni: 'db.test',
        fromClient: first,
        fromServer: Buffer.alloc(0),
        upstream,
      },
      service: null,
      serviceName: 'db',
      startedAt: 0,
    },
    {
      identity: { space: 'dev', pod: 'web-1', workload: 'web', spaceChain: ['dev'] },
      now: () => 1,
      dial: () => upstream,
      take: (record) => records.push(record),
    },
    () => {},
  )
  return { app, server, records, received, first: new WeakRef(first) }
}

test('the bytes that a connection was known by are not held for as long as it lasts', async () => {
  const { app, server, records, received, first } = start()
  for (let i = 0; i < 5; i++) await turn()
  expect(received.join('')).toContain('the first bytes')
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  expect(first.deref()).toBeUndefined()
  app.end()
  server.end()
  for (let i = 0; i < 5; i++) await turn()
  expect(records).toMatchObject([
    { protocol: 'tls', sni: 'db.test', requestBytes: 51, service: 'db' },
  ])
})
