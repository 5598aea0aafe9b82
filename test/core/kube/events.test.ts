/** The recorder of Events, against a client in memory. */
import { afterEach, expect, test } from '@jest/globals'
import type { KubeClient } from '../../../core/kube/client.ts'
import {
  createEventRecorder,
  type EventRecorder,
  type EventRecorderParts,
  type Note,
} from '../../../core/kube/events.ts'
import type { CoreEvent } from '../../../core/kube/types.ts'
import { silentLog } from '../../../core/log.ts'

let recorder: EventRecorder | null = null
afterEach(() => recorder?.close())

const NOTE: Note = {
  about: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'alice', name: 'web', uid: 'u1' },
  reason: 'Injected',
  message: 'a sidecar was put into a pod',
  type: 'Normal',
}

interface World {
  written: CoreEvent[]
  paths: string[]
  time: { ms: number }
  note: (note: Note) => void
}

/** A recorder whose clock stands still, so that it has its burst and no more, unless the test moves it. */
function record(
  answer: () => Promise<unknown> = async () => ({}),
  more: Partial<EventRecorderParts> = {},
): World {
  const written: CoreEvent[] = []
  const paths: string[] = []
  const time = { ms: Date.parse('2026-05-05T10:00:00.5Z') }
  const create = async (path: string, body: unknown) => {
    paths.push(path)
    written.push(body as CoreEvent)
    return answer()
  }
  recorder = createEventRecorder({
    client: { create } as unknown as KubeClient,
    component: 'webhook',
    instance: 'azds-webhook-1',
    now: () => new Date(time.ms),
    log: silentLog,
    ...more,
  })
  return { written, paths, time, note: recorder.note }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for ${what}`)
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 30))
const numbered = (number: number): Note => ({ ...NOTE, message: `message ${number}` })

test('a note becomes an Event in the namespace of its object', async () => {
  const { written, paths, note } = record()
  note(NOTE)
  await until('the event', () => written.length === 1)
  expect(paths).toEqual(['/api/v1/namespaces/alice/events'])
  expect(written[0]).toEqual({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: expect.stringMatching(/^web\.[0-9a-f]+$/), namespace: 'alice' },
    involvedObject: NOTE.about,
    reason: 'Injected',
    message: 'a sidecar was put into a pod',
    type: 'Normal',
    source: { component: 'azds-webhook' },
    reportingComponent: 'azds.io/webhook',
    reportingInstance: 'azds-webhook-1',
    firstTimestamp: '2026-05-05T10:00:00Z',
    lastTimestamp: '2026-05-05T10:00:00Z',
    count: 1,
  })
})

test('what is about no namespace is told in `default`, and a long message ends within the limit', async () => {
  const { written, paths, note } = record()
  note({ ...NOTE, about: { kind: 'Namespace', name: 'alice' }, message: 'é'.repeat(2000) })
  await until('the event', () => written.length === 1)
  expect(paths).toEqual(['/api/v1/namespaces/default/events'])
  expect(written[0]?.message).toBe(`${'é'.repeat(1023)}…`)
})

test('the same words about the same object are said once in ten minutes', async () => {
  const { written, time, note } = record()
  note(NOTE)
  note(NOTE)
  note({ ...NOTE, about: { ...NOTE.about, uid: 'u2' } })
  note({ ...NOTE, reason: 'InjectionSkipped' })
  await until('three events', () => written.length === 3)
  time.ms += 9 * 60_000
  note(NOTE)
  await settled()
  expect(written).toHaveLength(3)
  time.ms += 60_000
  note(NOTE)
  await until('the fourth', () => written.length === 4)
})

test('after fifty at once there are ten a second', async () => {
  const { written, time, note } = record()
  for (let number = 0; number < 70; number += 1) note(numbered(number))
  await until('the burst', () => written.length >= 50)
  expect(written.length).toBeLessThan(60)
  time.ms += 60_000
  await until('the rest', () => written.length === 70)
})

test('at most a thousand wait, and those beyond are counted', async () => {
  const { note } = record(() => new Promise(() => {}))
  for (let number = 0; number < 1100; number += 1) note(numbered(number))
  // One is on its way.
  expect(recorder?.dropped).toBe(99)
})

test('one that cannot be written is counted, and the next one goes its way', async () => {
  let calls = 0
  const { written, note } = record(async () => {
    calls += 1
    if (calls === 1) throw new Error('forbidden')
  })
  note(numbered(1))
  note(numbered(2))
  await until('both', () => written.length === 2)
  expect(recorder?.dropped).toBe(1)
})

test('a note is completed as it is written, or dropped then', async () => {
  const complete = async (note: Note) =>
    note.message === 'message 1' ? null : { ...note, about: { ...note.about, name: 'owner' } }
  const { written, note } = record(undefined, { complete })
  note(numbered(1))
  note(numbered(2))
  await until('one', () => written.length === 1)
  expect(written[0]?.involvedObject.name).toBe('owner')
  expect(recorder?.dropped).toBe(0)
})

test('a closed one takes nothing, and drops what waits', async () => {
  const { written, note } = record(() => new Promise(() => {}))
  for (let number = 0; number < 10; number += 1) note(numbered(number))
  await until('the first', () => written.length === 1)
  recorder?.close()
  note(numbered(11))
  await settled()
  expect(written).toHaveLength(1)
  expect(recorder?.dropped).toBe(9)
})
