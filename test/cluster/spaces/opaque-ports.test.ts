/**
 * Ports that are not redirected, with the real redis: a primary sees its replica's own address, which was
 * lost with Azure Dev Spaces, so that a primary took its replica for itself.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { TraceSummary } from '../../../core/controller-api.ts'
import type { KubeObject, Pod } from '../../../core/kube/types.ts'
import { ANNOTATION, type DirectPorts, type InjectionStatus } from '../../../core/names.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { fetchRecords, get } from '../../../playground/requests.ts'
import { describeCluster } from '../requirements.ts'
import { space } from './shop-objects.ts'
import { eventually, isReady, type SpaceCluster, startSpaceCluster } from './space-cluster.ts'

// The longest step, the bring-up, takes 6 s on an idle machine with two cores.
jest.setTimeout(180_000)

const REDIS_PORT = 6379
/** A port that nobody knows: what it carries, only a Service says. */
const LEDGER_PORT = 7379

interface Redis {
  name: string
  port?: number
  replicaOf?: string
  annotations?: Record<string, string>
}

function redisPod({ name, port = REDIS_PORT, replicaOf, annotations = {} }: Redis): KubeObject {
  const command = [
    ...['redis-server', '--port', `${port}`, '--bind', '0.0.0.0', '--protected-mode', 'no'],
    // By default a primary waits 5 s for more replicas before it sends its data.
    ...['--save', '', '--dir', '/tmp', '--repl-diskless-sync-delay', '0'],
    ...(replicaOf === undefined ? [] : ['--replicaof', replicaOf, `${port}`]),
  ]
  const readinessProbe = { exec: { command: ['redis-cli', '-p', `${port}`, 'PING'] } }
  const container = { name: 'redis', image: 'playground/shell', command, readinessProbe }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'dev', labels: { app: name }, annotations },
    spec: { containers: [container], securityContext: { runAsUser: 1000 } },
  } as KubeObject
}

function redisService(name: string, port: object): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'dev' },
    spec: { selector: { app: name }, ports: [port] },
  } as KubeObject
}

const directOf = ({ metadata }: Pod): DirectPorts[] => {
  const text = metadata.annotations?.[ANNOTATION.status] ?? '{}'
  return (JSON.parse(text) as InjectionStatus).direct ?? []
}

describeCluster(
  'ports that are not redirected',
  () => {
    let it: SpaceCluster
    beforeAll(async () => {
      it = await startSpaceCluster({ sample: false })
      await it.apply([
        space('dev', null),
        redisService('primary', { port: REDIS_PORT }),
        redisService('lost', { port: REDIS_PORT }),
        redisService('ledger', { port: LEDGER_PORT, appProtocol: 'tcp' }),
      ])
      // A Service counts once the webhook has heard of it, some milliseconds after it was made.
      const ledger = redisPod({ name: 'ledger', port: LEDGER_PORT })
      await eventually(
        () => makeAnew(ledger),
        (pod) => directOf(pod).some(({ service }) => service === 'ledger'),
      )
      const annotations = { [ANNOTATION.opaquePorts]: 'none' }
      const pods = [
        redisPod({ name: 'primary' }),
        redisPod({ name: 'replica', replicaOf: 'primary' }),
        redisPod({ name: 'lost', annotations }),
        redisPod({ name: 'lost-replica', replicaOf: 'lost', annotations }),
      ]
      await it.apply(pods)
      for (const { metadata } of [...pods, ledger]) await ready(metadata.name ?? '')
    })
    afterAll(async () => it?.stop())

    /** Makes a pod in place of the one that may be there: each replica of the webhook hears of Services by itself. */
    const makeAnew = async (pod: KubeObject): Promise<Pod> => {
      const which = ['pod', pod.metadata.name ?? '', '-n', 'dev', '--ignore-not-found']
      await it.kubectl(['delete', ...which, '--grace-period=0', '--force'])
      return it.client.create<Pod>('/api/v1/namespaces/dev/pods', pod)
    }
    const ready = async (name: string): Promise<Pod> => {
      const { answer } = await eventually(
        () => it.pods('dev', name),
        ([pod]) => pod !== undefined && isReady(pod),
      )
      return answer[0] as Pod
    }
    const addressOf = async (name: string) => (await ready(name)).status?.podIP ?? ''
    const cli = async (name: string, ...args: string[]) =>
      (await it.inPod('dev', name, ['redis-cli', ...args])).trim()
    const replication = async (name: string, passes: (said: string) => boolean) =>
      (await eventually(() => cli(name, 'INFO', 'replication'), passes)).answer
    const linked = (said: string) => said.includes('master_link_status:up')
    const online = (said: string) => /^slave0:.*state=online/m.test(said)
    const addressSeen = (said: string) => /^slave0:ip=([^,]+),/m.exec(said)?.[1]

    test('a primary sees its replica’s own address, and what is written arrives there', async () => {
      await replication('replica', linked)
      const said = await replication('primary', online)
      expect(addressSeen(said)).toBe(await addressOf('replica'))
      expect(said).toContain('connected_slaves:1')
      expect(await cli('primary', 'SET', 'greeting', 'hello')).toBe('OK')
      await eventually(
        () => cli('replica', 'GET', 'greeting'),
        (value) => value === 'hello',
      )
    })

    test('with the annotation "none" the replica has the primary’s own address: what was wrong before', async () => {
      await replication('lost-replica', linked)
      const seen = addressSeen(await replication('lost', online))
      expect(seen).toBe(await addressOf('lost'))
      expect(seen).not.toBe(await addressOf('lost-replica'))
    })

    test('a port that a Service declares tcp is reached directly, and the pod says why', async () => {
      expect(directOf(await ready('ledger'))[0]).toEqual({
        ports: `${LEDGER_PORT}`,
        reason: 'app-protocol',
        service: 'ledger',
        appProtocol: 'tcp',
      })
      const from = ['-h', 'ledger', '-p', `${LEDGER_PORT}`]
      const clients = await cli('primary', ...from, 'CLIENT', 'LIST')
      // Its own readiness probe may be connected at the same moment.
      const others = [...clients.matchAll(/ addr=([^:]+):/g)].flatMap(([, address = '']) =>
        address === '127.0.0.1' ? [] : [address],
      )
      expect(others).toEqual([await addressOf('primary')])
    })

    test('such a connection is recorded by the side of the caller alone, as tcp', async () => {
      const { viewerPort } = it.playground
      const recordsOf = async (service: string): Promise<TraceRecord[]> => {
        const { body } = await get(
          viewerPort,
          `localhost:${viewerPort}`,
          `/v1/traces?service=${service}`,
        )
        const traces = (JSON.parse(body) as TraceSummary[]).filter(({ error }) => error === null)
        const all = traces.map(({ traceId }) => fetchRecords(viewerPort, traceId, 1))
        return (await Promise.all(all)).flat()
      }
      const sides = (records: TraceRecord[]) =>
        [...new Set(records.map(({ direction, protocol }) => `${direction} ${protocol}`))].sort()
      await cli('replica', '-h', 'ledger', '-p', `${LEDGER_PORT}`, 'PING')
      await eventually(
        () => recordsOf('ledger'),
        ({ length }) => length > 0,
      )
      await cli('replica', '-h', 'lost', 'PING')
      // The redirected one comes last, and both its sides are there.
      const both = ['inbound tcp', 'outbound tcp']
      await eventually(
        () => recordsOf('lost'),
        (records) => sides(records).join() === both.join(),
      )
      expect(sides(await recordsOf('ledger'))).toEqual(['outbound tcp'])
    })

    test('a Service that comes after its pod counts for the next one', async () => {
      await it.apply([redisService('replica', { port: 7001, appProtocol: 'tcp' })])
      const next = redisPod({ name: 'replica' })
      Object.assign(next.metadata, { name: 'replica-next' })
      await eventually(
        () => it.client.create<Pod>('/api/v1/namespaces/dev/pods?dryRun=All', next),
        (pod) => directOf(pod).some(({ service }) => service === 'replica'),
      )
      expect(directOf(await ready('replica')).map(({ reason }) => reason)).toEqual(['well-known'])
    })
  },
  { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' },
)
