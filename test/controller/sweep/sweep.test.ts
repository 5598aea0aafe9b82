/** The search for pods without a sidecar: whose turn it is, what is asked, and what is told. */
import { expect, test } from '@jest/globals'
import { sidecarsOf } from '../../../controller/resources/sidecars.ts'
import type { SpaceFacts } from '../../../controller/space-watch.ts'
import { countsOf, News, noteOf } from '../../../controller/sweep/events.ts'
import { Schedule } from '../../../controller/sweep/schedule.ts'
import { auditSpace, startSweep } from '../../../controller/sweep/sweep.ts'
import type { AuditFinding } from '../../../core/injection/audit.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'

const FINDING: AuditFinding = {
  pod: { namespace: 'dev', name: 'web-1', uid: 'p1' },
  owner: {
    direct: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d', uid: 'r1' },
    workload: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  },
  reason: 'missed',
  fault: true,
  sidecarVersion: null,
}
const ON_PURPOSE: AuditFinding = { ...FINDING, reason: 'host-network', fault: false }
const SPACE: SpaceFacts = { name: 'dev', labels: { 'azds.io/space': 'true' }, since: null }

test('each space has its turn once in the time, new ones and changed ones first', () => {
  const schedule = new Schedule(1000, () => 0.5)
  const names = ['a', 'b']
  expect([0, 0, 0].map((now) => schedule.next(names, now))).toEqual(['a', 'b', null])
  schedule.hurry('b')
  expect(schedule.next(names, 1)).toBe('b')
  expect(schedule.next([...names, 'c'], 1)).toBe('c')
  expect(schedule.next(names, 999)).toBeNull()
  expect(schedule.next(names, 1000)).toBe('a')
  expect(schedule.next([], 5000)).toBeNull()
})

test('a space that went and came back is new', () => {
  const schedule = new Schedule(1000, () => 0.5)
  schedule.next(['a'], 0)
  schedule.next([], 1)
  expect(schedule.next(['a'], 2)).toBe('a')
})

test('turns spread over the time', () => {
  const dueOf = (random: number) => {
    const schedule = new Schedule(1000, () => random)
    schedule.next(['a'], 0)
    return [799, 800, 1199, 1200].find((now) => schedule.next(['a'], now) === 'a')
  }
  expect(dueOf(0)).toBe(800)
  expect(dueOf(0.9999)).toBe(1200)
})

const podNamed = (name: string): Pod => ({
  metadata: { name, namespace: 'dev', uid: name, creationTimestamp: '2026-03-01T12:00:00Z' },
  spec: { containers: [{ name: 'a' }] },
})

/** @param pages of the pods without the mark */
function podsIn(pages: Pod[][]) {
  const asked: string[] = []
  const get = async <T>(path: string) => {
    const index = Number(/continue=(\d)/.exec(path)?.[1] ?? 0)
    asked.push(path)
    const isLast = index + 1 >= pages.length
    return { metadata: isLast ? {} : { continue: String(index + 1) }, items: pages[index] } as T
  }
  return { kube: { get }, asked }
}

test('only pods without the mark are read, page by page', async () => {
  const { kube, asked } = podsIn([[podNamed('a')], [podNamed('b')]])
  const findings = await auditSpace({ kube, systemNamespace: 'azds' }, SPACE)
  expect(findings.map(({ pod, reason }) => [pod.name, reason])).toEqual([
    ['a', 'missed'],
    ['b', 'missed'],
  ])
  expect(asked[0]).toBe(
    '/api/v1/namespaces/dev/pods?labelSelector=azds.io%2Finstrumented!%3Dtrue&limit=200',
  )
  expect(asked).toHaveLength(2)
})

test('what was found stays while the API server is away, and goes with the space', async () => {
  const spaces = new Map([['dev', SPACE]])
  let isAway = false
  let tries = 0
  const kube = {
    get: async <T>() => {
      tries += 1
      if (isAway) throw new Error('away')
      return { metadata: {}, items: [podNamed('a')] } as T
    },
  }
  const sweep = startSweep({
    kube,
    spaces: () => spaces,
    systemNamespace: 'azds',
    everyMs: 1,
    onFindings: () => {},
    log: silentLog,
    now: () => performance.now(),
  })
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await until(() => sweep.findings().length === 1)
  isAway = true
  const before = tries
  await until(() => tries > before)
  expect(sweep.findings()).toHaveLength(1)
  spaces.clear()
  await until(() => sweep.findings().length === 0)
  sweep.stop()
})

test('the owner is told, of a fault once an hour, of what is on purpose once', () => {
  let clock = 0
  const news = new News(() => clock)
  const second = { ...FINDING, pod: { ...FINDING.pod, name: 'web-2', uid: 'p2' } }
  expect(news.of([FINDING, second, ON_PURPOSE])).toHaveLength(2)
  clock = 3_599_999
  expect(news.of([FINDING, ON_PURPOSE])).toEqual([])
  clock = 3_600_000
  expect(news.of([FINDING, ON_PURPOSE])).toEqual([noteOf(FINDING)])
})

test('an Event is about what made the pod, else about the pod', () => {
  expect(noteOf(FINDING)).toMatchObject({
    about: { kind: 'ReplicaSet', namespace: 'dev', name: 'web-5d', uid: 'r1' },
    reason: 'InjectionMissed',
    type: 'Warning',
  })
  expect(noteOf({ ...ON_PURPOSE, owner: null })).toMatchObject({
    about: { kind: 'Pod', namespace: 'dev', name: 'web-1', uid: 'p1' },
    reason: 'InjectionSkipped',
    type: 'Normal',
  })
})

test('pods are counted by namespace and reason', () => {
  expect(countsOf([FINDING, ON_PURPOSE, FINDING])).toEqual([
    { namespace: 'dev', reason: 'missed', pods: 2 },
    { namespace: 'dev', reason: 'host-network', pods: 1 },
  ])
})

test('among the sidecars a pod is missing by fault only, and not once its feed is open', () => {
  const open = { namespace: 'dev', pod: 'web-1', since: 0, table: 'e.1', report: null }
  expect(sidecarsOf([], [FINDING, ON_PURPOSE])).toMatchObject([
    {
      metadata: { name: 'web-1', namespace: 'dev' },
      status: { state: 'missing', reason: 'missed', owner: { kind: 'Deployment', name: 'web' } },
    },
  ])
  expect(sidecarsOf([{ ...open, namespace: 'alice' }, open], [FINDING])).toMatchObject([
    { metadata: { namespace: 'alice' } },
    {
      metadata: { namespace: 'dev' },
      status: { state: 'connected', since: '1970-01-01T00:00:00Z', table: 'e.1', version: null },
    },
  ])
})
