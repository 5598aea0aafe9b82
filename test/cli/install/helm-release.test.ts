/** What azds does where real helm has installed the chart. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { findInstallation, valuesOf } from '../../../cli/install/installation.ts'
import { type Programs, startPrograms } from '../../playground/apiserver/programs.ts'
import { startTestCluster, type TestCluster } from '../cluster-fixture.ts'
import { azds } from '../world-fixture.ts'

/** Two busy cores may need this long for an installation. */
const LIMIT_MS = 60_000
jest.setTimeout(LIMIT_MS)

const CHART = join(import.meta.dirname, '../../../deploy/chart')

let cluster: TestCluster
let programs: Programs

beforeAll(async () => {
  cluster = await startTestCluster()
  programs = await startPrograms(cluster.server)
  const place = '--namespace ours --create-namespace'
  await programs.helm(`install team ${CHART} ${place} --set gateway.enabled=false`)
})

afterAll(async () => {
  await programs.close()
  await cluster.close()
})

test('the release and its values are known', async () => {
  const found = await findInstallation(cluster.client)
  expect(found).toMatchObject({ namespace: 'ours', by: 'helm', release: 'team' })
  expect(found && (await valuesOf(cluster.client, found))).toEqual({ gateway: { enabled: false } })
})

test.each(['install --namespace ours', 'upgrade'])('azds %s leaves it to Helm', async (line) => {
  const { code, err } = await azds(line, cluster)
  expect(err).toContain('was installed by Helm (release "team" in "ours")')
  expect(err).toContain('helm upgrade team -n ours')
  expect(code).toBe(1)
})

test('doctor holds it to the chart with those values, and finds nothing wrong with the release', async () => {
  const { out } = await azds('doctor', cluster)
  expect(out).toContain('in namespace ours, by Helm release team')
  expect(out).toContain('√ the API server asks our webhook, as the chart says')
  expect(out).toContain('√ nothing of an older installation is left')
  expect(out).toContain('√ no Helm release of azds has failed')
})

test('uninstall takes it away, with what Helm knows of it; the namespace was Helm’s to make and stays', async () => {
  const { code, out } = await azds('uninstall -y', cluster)
  expect(out).toContain('Secret ours/sh.helm.release.v1.team.v1')
  expect(out).toContain('kubectl delete namespace ours')
  expect(out).toContain('√ looked again     0 objects left')
  expect(code).toBe(0)
  expect(await findInstallation(cluster.client)).toBeNull()
  expect(out).toContain('ConfigMap ours/azds-namespace: by it the next installation knows')
  expect(await programs.helm('list -A -q')).toBe('')
  expect((await azds('doctor', cluster)).out).not.toContain('these objects of it are there')
})

test('helm installs again where azds was, under this name or another, and nowhere else', async () => {
  await programs.kubectl('create namespace theirs')
  const theirs = programs.helm(`install team ${CHART} --namespace theirs`)
  await expect(theirs).rejects.toThrow('namespace theirs exists and is not marked as ours')
  await programs.helm(`install team ${CHART} --namespace ours`)
  await programs.helm('uninstall team --namespace ours')
  await programs.helm(`install other ${CHART} --namespace ours`)
  // The mark is the first release's: Helm would not let a second one take it over.
  await programs.helm(`upgrade other ${CHART} --namespace ours --set gateway.replicas=2`)
  await programs.helm('uninstall other --namespace ours')
  const left = await programs.kubectl('get configmap azds-namespace -n ours -o name')
  expect(left.trim()).toBe('configmap/azds-namespace')
})

test('azds installs into the namespace that Helm has left', async () => {
  const { code, err } = await azds('install --namespace ours --dry-run', cluster)
  expect([code, err]).toEqual([0, ''])
})
