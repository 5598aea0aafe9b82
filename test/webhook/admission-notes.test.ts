/** What owners of pods are told. */
import { expect, test } from '@jest/globals'
import { notesOf } from '../../webhook/admission-notes.ts'
import type { InjectionFacts } from '../../webhook/inject/facts.ts'
import { inject } from '../../webhook/inject/inject.ts'
import type { JsonObject } from '../../webhook/inject/json.ts'
import { factsOf } from './cluster-fixture.ts'
import { POD } from './review-fixture.ts'

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7d', uid: 'r1' }
const about = { ...owner, namespace: 'alice' }
const facts = await factsOf()

function told(
  metadata: JsonObject,
  spec: JsonObject = POD.spec,
  { dryRun = false, where = facts }: { dryRun?: boolean; where?: InjectionFacts } = {},
) {
  const object = { ...POD, metadata: { ...POD.metadata, ...metadata }, spec }
  return notesOf({ uid: 'u', namespace: 'alice', dryRun, object }, inject(object, where))
}
const owned = { ownerReferences: [{ ...owner, controller: true }] }

test('an injection, with the ports that someone has chosen to be left alone', () => {
  const annotations = { 'azds.io/skip-inbound-ports': '7000' }
  const message = 'pods get the container devspaces-proxy (native)'
  expect(told(owned)).toEqual([{ about, type: 'Normal', reason: 'Injected', message }])
  expect(told({ ...owned, annotations })[0]?.message).toBe(
    `${message}; ports that go straight to the app: 7000 (skip-inbound-ports)`,
  )
})

test('a pod that is left alone, and why', () => {
  const spec = { ...POD.spec, nodeSelector: { type: 'virtual-kubelet' } }
  expect(told(owned, spec)).toEqual([
    {
      about,
      type: 'Normal',
      reason: 'InjectionSkipped',
      message: expect.stringContaining('virtual node'),
    },
  ])
})

test('a pod that is refused, with each fault', () => {
  const annotations = { 'azds.io/sidecar-layout': 'odd', 'azds.io/trace-body-bytes': 'many' }
  expect(told({ ...owned, annotations })).toEqual([
    {
      about,
      type: 'Warning',
      reason: 'InjectionRefused',
      message: expect.stringMatching(/sidecar-layout.*; .*trace-body-bytes/),
    },
  ])
})

test('warnings, which the creator of the pod would see and a controller swallows', async () => {
  const spec = { ...POD.spec, dnsPolicy: 'Default' }
  const [injected, warning] = told(owned, spec)
  expect(injected?.reason).toBe('Injected')
  expect(warning).toEqual({
    about,
    type: 'Warning',
    reason: 'InjectionWarning',
    message: expect.stringContaining('spec.dnsPolicy is Default'),
  })
})

test('nothing for a dry run, for a pod that nobody owns, or one that is no pod', async () => {
  expect(told(owned, POD.spec, { dryRun: true })).toEqual([])
  expect(told({})).toEqual([])
  expect(told({ ownerReferences: [] })).toEqual([])
  expect(told({ ownerReferences: 'nobody' })).toEqual([])
  expect(told({ ownerReferences: [null] })).toEqual([])
  expect(told({ ownerReferences: [{ ...owner, uid: undefined }] })).toEqual([])
  expect(told({ ownerReferences: [{ ...owner, name: 7 }] })).toEqual([])
  expect(told({ ownerReferences: [{ ...owner, name: 'x'.repeat(254) }] })).toEqual([])
})

test('nothing for a second look at a pod that is injected already', () => {
  const object = { ...POD, metadata: { ...POD.metadata, ...owned } }
  const first = inject(object, facts)
  if (first.kind !== 'injected') throw new Error('the pod was not injected')
  const again = { uid: 'u', namespace: 'alice', dryRun: false, object: first.pod as never }
  expect(notesOf(again, inject(first.pod, facts))).toEqual([])
})

test.each(['alice', 'kube-system'])(
  'nothing in a namespace that is no space, which no API server asks about: %s',
  (name) => {
    const where = { ...facts, namespace: { ...facts.namespace, name, labels: {} } }
    expect(inject({ ...POD, metadata: owned }, where).kind).toBe('skipped')
    expect(told(owned, POD.spec, { where })).toEqual([])
  },
)
