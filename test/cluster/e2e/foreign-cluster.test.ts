/** `npm run e2e` on a cluster that it knows by its kubeconfig alone. Here that is a playground, taken for somebody's own. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { exec } from '../../../core/exec.ts'
import { bringUp, type Playground } from '../../../playground/bring-up.ts'
import { describeCluster } from '../requirements.ts'

// Bringing up takes 5 s and the scenarios of routing 15 s, on an idle machine with two cores.
jest.setTimeout(240_000)

const REPO = join(import.meta.dirname, '../../..')
const NODE = join(REPO, 'node_modules/.bin/node')

describeCluster('scenarios on somebody’s own cluster', () => {
  let playground: Playground
  let folder: string
  beforeAll(async () => {
    const uid = process.getuid?.() ?? -1
    playground = await bringUp({ env: process.env, uid, exec, sample: false })
    folder = await mkdtemp(join(tmpdir(), 'azds-e2e-'))
    const bridge = join(import.meta.dirname, 'kubectl-bridge.ts')
    await writeFile(join(folder, 'kubectl'), `#!/bin/sh\nexec ${NODE} ${bridge} "$@"\n`)
    await chmod(join(folder, 'kubectl'), 0o755)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await playground?.cluster.stop()
  })

  const e2e = (...args: string[]) => {
    const target = ['--kubeconfig', playground.cluster.kubeconfigPath]
    const all = [join(REPO, 'scripts/e2e.ts'), ...target, '--kubectl', join(folder, 'kubectl')]
    return exec(NODE, [...all, ...args], { timeoutMs: 200_000 })
  }
  const namespaces = async () => {
    const list = await playground.kubectl('get', 'namespaces', '-o', 'name')
    return list.trim().split('\n')
  }

  test('where azds is not installed it says so, and tries no scenario', async () => {
    await playground.kubectl('create', 'namespace', 'elsewhere')
    const { code, stderr } = await e2e('--namespace', 'elsewhere')
    expect(code).toBe(1)
    expect(stderr).toContain('azds is not ready in the namespace elsewhere')
    expect(stderr).toContain('deploy/README.md')
  })

  test('the scenarios of routing pass in namespaces of their own, which are gone afterwards', async () => {
    // A team of its own works here, under the names that the scenarios have in the playground.
    for (const name of ['dev', 'alice']) await playground.kubectl('create', 'namespace', name)
    const before = await namespaces()
    const { code, stdout, stderr } = await e2e('--only', 'routing')
    expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, ''])
    expect(stderr).toMatch(/Tests: +\d+ passed, \d+ total/)
    expect(stderr).not.toMatch(/skipped/)
    const list = await playground.kubectl('get', 'pods', '-n', 'dev', '-o', 'name')
    expect(list).toBe('')
    await playground.kubectl(
      'wait',
      '--for=delete',
      'namespace',
      '-l',
      'azds.io/space',
      '--timeout=60s',
    )
    expect(await namespaces()).toEqual(before)
  })

  test('without gateway and api it leaves their checks out, says so, and runs the rest', async () => {
    await playground.kubectl('delete', 'apiservice/v1.azds.io')
    const parts = ['deployment/azds-gateway', 'deployment/azds-api']
    await playground.kubectl('delete', '-n', 'azds', ...parts)
    const { code, stdout, stderr } = await e2e('--only', 'routing,pods')
    expect([code, code === 0 ? '' : stdout + stderr]).toEqual([0, ''])
    expect(stderr).toContain(
      'LEFT OUT: the scenario routing, because azds-gateway is not installed',
    )
    expect(stderr).toMatch(/LEFT OUT of the scenario pods: .*azds-api is not installed/)
    expect(stderr).toMatch(/Tests: +2 skipped, 5 passed, 7 total/)
  })
})
