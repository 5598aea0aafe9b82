import { expect, test } from '@jest/globals'
import { silentLog } from '../../core/log.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { type ConnectionDeps, serveConnection } from '../../proxy/connection.ts'
import { Connections } from '../../proxy/connections.ts'
import { DestinationExperience } from '../../proxy/destination-experience.ts'
import type { PlanExchange } from '../../proxy/exchange.ts'
import { UpstreamPool } from '../../proxy/http1/upstream-pool.ts'
import { memoryPair, settle } from './memory-stream.ts'
import { ADDRESS, identity, recordInto } from './sample-tree.ts'

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

test.each<[string, () => Promise<PlanExchange>]>([
  ['cannot be made', () => Promise.reject(new Error('a fault'))],
  [
    'fails at the request',
    async () => () => {
      throw new Error('a fault')
    },
  ],
])('a late plan that %s costs this connection, which is reset and forgotten', async (_, plan) => {
  const records: TraceRecord[] = []
  const who = identity('alice')
  const connections = new Connections()
  const [near, far] = memoryPair()
  const heard: string[] = []
  near.listen({
    onData: () => {},
    onEnd: () => {},
    onDrain: () => {},
    onClose: (error) => heard.push(error?.code ?? 'in order'),
  })
  const deps: ConnectionDeps = {
    side: {
      direction: 'outbound',
      passesOpaque: true,
      mayLeadElsewhere: true,
      plan,
      planStreams: () => () => {
        throw new Error('nobody speaks HTTP/2 here')
      },
      servicePort: () => null,
      serviceName: () => null,
    },
    identity: who,
    now: () => 0,
    take: (record) => records.push(record),
    record: recordInto(records, who),
    dial: (target) => memoryPair(target)[0],
    pool: new UpstreamPool(),
    experience: new DestinationExperience(),
    connections,
    metrics: {
      connectionEnded: () => {},
      exchange: () => {},
      text: () => '',
      contentType: '',
    },
    log: silentLog,
    dialDelayMs: 0,
  }
  serveConnection({ client: far, destination: ADDRESS.devOrders, loop: false }, deps)
  near.write(REQUEST)
  await settle()
  expect(heard).toEqual(['ECONNRESET'])
  expect(connections.count('outbound')).toBe(0)
})
