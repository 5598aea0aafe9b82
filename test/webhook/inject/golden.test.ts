/**
 * Pods in, answers out. `NAME.pod.yaml` holds the pod and, where they differ from the fixture, the
 * cluster's namespaces, nodes and Services; `NAME.patch.json` the whole answer but the pod.
 * UPDATE_GOLDEN=1 writes the answers anew: read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import type { KubeNode, KubeObject, Namespace, Pod, Service } from '../../../core/kube/types.ts'
import { inject } from '../../../webhook/inject/inject.ts'
import { applyPatch } from '../../../webhook/inject/patch.ts'
import { factsOf, NODES, TREE } from '../cluster-fixture.ts'

const FOLDER = join(import.meta.dirname, '../golden')
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.pod.yaml'))
  .map((file) => file.replace('.pod.yaml', ''))

test('each answer belongs to a pod', () => {
  const answers = readdirSync(FOLDER).filter((file) => file.endsWith('.patch.json'))
  expect(answers.map((file) => file.replace('.patch.json', '')).toSorted()).toEqual(
    names.toSorted(),
  )
})

test.each(names)('the pod %s gets the recorded answer', async (name) => {
  const { pod, facts } = await readCase(name)
  const before = structuredClone(pod)
  const answer = inject(pod, facts)
  expect(pod).toEqual(before)

  const { pod: injected, ...rest } = { pod: null, ...answer }
  const path = join(FOLDER, `${name}.patch.json`)
  if (process.env['UPDATE_GOLDEN']) writeFileSync(path, `${JSON.stringify(rest, null, 2)}\n`)
  expect(rest).toEqual(JSON.parse(readFileSync(path, 'utf8')))
  if (answer.kind !== 'injected') return
  // The API server may cut what is longer than 256 characters, prefix included.
  for (const warning of answer.warnings) expect(warning.length).toBeLessThan(250)
  expect(applyPatch(pod, answer.patch)).toEqual(injected)
  expect(inject(answer.pod, facts)).toEqual({ kind: 'skipped', reason: 'already-injected' })
})

async function readCase(name: string) {
  const text = readFileSync(join(FOLDER, `${name}.pod.yaml`), 'utf8')
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
  const ofKind = <T extends KubeObject>(kind: string) =>
    objects.filter((object): object is T => object.kind === kind)
  const pod = ofKind<Pod>('Pod')[0]
  if (!pod) throw new Error(`${name}.pod.yaml holds no pod`)
  const given = ofKind<Namespace>('Namespace')
  const others = TREE.filter(
    ({ metadata }) => !given.some((object) => object.metadata.name === metadata.name),
  )
  const nodes = ofKind<KubeNode>('Node')
  const facts = await factsOf(
    pod.metadata.namespace,
    [...others, ...given],
    nodes.length > 0 ? nodes : NODES,
    ofKind<Service>('Service'),
  )
  return { pod, facts }
}
