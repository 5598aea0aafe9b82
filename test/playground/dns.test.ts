import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from '@jest/globals'
import { decode, encode } from 'dns-packet'
import type { EndpointSlice, Service } from '../../core/kube/types.ts'
import { silentLog } from '../../core/log.ts'
import { answerQuestion } from '../../playground/node/dns-answer.ts'
import { startDnsServer } from '../../playground/node/dns-server.ts'
import { buildZone } from '../../playground/node/dns-zone.ts'

const services: Service[] = [
  {
    metadata: { namespace: 'dev', name: 'web' },
    spec: { clusterIP: '10.96.1.1', ports: [{ name: 'http', port: 80 }] },
  },
  {
    metadata: { namespace: 'dev', name: 'db' },
    spec: { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] },
  },
  { metadata: { namespace: 'dev', name: 'empty' }, spec: { clusterIP: 'None' } },
  { metadata: { namespace: 'dev', name: 'new' }, spec: { clusterIP: '' } },
]
const endpoints = [
  { addresses: ['10.244.0.5'], hostname: 'db-0', conditions: { ready: true } },
  { addresses: ['10.244.0.6'], conditions: { ready: true } },
  { addresses: ['10.244.0.7'], hostname: 'db-2', conditions: { ready: false } },
]
const slices: EndpointSlice[] = [
  {
    metadata: { namespace: 'dev', name: 'db-x', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'sql', port: 5432 }],
  },
]
const zone = buildZone(services, slices, 'cluster.local')

const ask = (name: string, type: 'A' | 'AAAA' | 'SRV' = 'A') => {
  const { rcode, answers } = answerQuestion({ name, type, class: 'IN' }, zone)
  return { rcode, data: answers.map((answer) => ('data' in answer ? answer.data : null)) }
}

test.each([
  ['web.dev.svc.cluster.local', 0, ['10.96.1.1']],
  ['WEB.dev.svc.cluster.local.', 0, ['10.96.1.1']],
  ['db.dev.svc.cluster.local', 0, ['10.244.0.5', '10.244.0.6']],
  ['db-0.db.dev.svc.cluster.local', 0, ['10.244.0.5']],
  ['10-244-0-6.db.dev.svc.cluster.local', 0, ['10.244.0.6']],
  ['db-2.db.dev.svc.cluster.local', 3, []],
  ['empty.dev.svc.cluster.local', 0, []],
  ['dev.svc.cluster.local', 0, []],
  ['new.dev.svc.cluster.local', 3, []],
  ['web.alice.svc.cluster.local', 3, []],
  ['web.dev.svc.cluster.local.dev.svc.cluster.local', 3, []],
  ['example.org', 3, []],
  ['web', 3, []],
])('%s is answered with code %i and %j', (name, rcode, data) => {
  expect(ask(name)).toEqual({ rcode, data })
})

test('a name that exists without an IPv6 address gives an empty answer, not NXDOMAIN', () => {
  expect(ask('web.dev.svc.cluster.local', 'AAAA')).toEqual({ rcode: 0, data: [] })
})

test('a named port of a service has an SRV record, one of each pod where it is headless', () => {
  expect(ask('_http._tcp.web.dev.svc.cluster.local', 'SRV').data).toEqual([
    { priority: 0, weight: 100, port: 80, target: 'web.dev.svc.cluster.local' },
  ])
  expect(ask('_sql._tcp.db.dev.svc.cluster.local', 'SRV').data).toEqual([
    expect.objectContaining({ port: 5432, target: 'db-0.db.dev.svc.cluster.local' }),
    expect.objectContaining({ port: 5432, target: '10-244-0-6.db.dev.svc.cluster.local' }),
  ])
})

test('a resolver gets answers over UDP, and quickly none for names outside', async () => {
  const server = await startDnsServer(() => zone, { address: '127.0.0.1', port: 0 }, silentLog)
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([`127.0.0.1:${server.port}`])
  try {
    expect(await resolver.resolve4('web.dev.svc.cluster.local')).toEqual(['10.96.1.1'])
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  } finally {
    server.close()
  }
})

test('an answer that is too long for UDP is cut and then given over TCP', async () => {
  const many = Array.from({ length: 60 }, (_, n) => ({ addresses: [`10.244.0.${n + 2}`] }))
  const big = buildZone(
    services,
    [{ ...slices[0], endpoints: many } as EndpointSlice],
    'cluster.local',
  )
  const server = await startDnsServer(() => big, { address: '127.0.0.1', port: 0 }, silentLog)
  const question = { name: 'db.dev.svc.cluster.local', type: 'A' as const }
  const query = encode({ type: 'query', id: 7, flags: 256, questions: [question] })
  try {
    const udp = createSocket('udp4')
    udp.send(query, server.port, '127.0.0.1')
    const [cut] = (await once(udp, 'message')) as [Buffer]
    udp.close()
    expect(decode(cut)).toMatchObject({ id: 7, flag_tc: true, answers: [] })

    const tcp = connect(server.port, '127.0.0.1')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    tcp.write(Buffer.concat([length, query]))
    let received = Buffer.alloc(0)
    for await (const chunk of tcp) {
      received = Buffer.concat([received, chunk])
      if (received.length >= 2 + received.readUInt16BE(0)) break
    }
    expect(decode(received.subarray(2)).answers).toHaveLength(60)
  } finally {
    server.close()
  }
})

test('rubbish gets no answer and harms nothing', async () => {
  const server = await startDnsServer(() => zone, { address: '127.0.0.1', port: 0 }, silentLog)
  const udp = createSocket('udp4')
  udp.send(Buffer.from([1, 2, 3]), server.port, '127.0.0.1')
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([`127.0.0.1:${server.port}`])
  try {
    expect(await resolver.resolve4('web.dev.svc.cluster.local')).toEqual(['10.96.1.1'])
  } finally {
    udp.close()
    server.close()
  }
})
