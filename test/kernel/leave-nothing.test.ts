/** The playground leaves nothing on the machine, however it ends. Looked at while nothing else runs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { expect, jest, test } from '@jest/globals'
import { describeCluster } from '../cluster/requirements.ts'
import { isReady, startTestCluster } from '../cluster/test-cluster.ts'
import {
  alive,
  descendants,
  machineTraces,
  networkNamespaces,
  type ProcessId,
} from '../cluster/traces.ts'

// A cluster takes 2 s to come up, here and there several times that on a busy machine.
jest.setTimeout(120_000)

const REPO = join(import.meta.dirname, '../..')

describeCluster('the end of the playground', () => {
  test('stop leaves no process, directory, mount or interface', async () => {
    const before = machineTraces()
    const others = new Set(descendants(process.pid).map(({ pid }) => pid))
    const it = await startTestCluster()
    await it.createPod('left', {
      containers: [{ name: 'app', image: 'playground/shell', command: ['sleep', '1000'] }],
    })
    await it.podWhen('left', isReady)
    const processes = (await withSleep(process.pid)).filter(({ pid }) => !others.has(pid))
    // The oracle sees what there is to see: the node and the pod in their own network namespaces.
    expect(networkNamespaces(processes)).toBeGreaterThanOrEqual(3)
    expect(machineTraces().directories).toHaveLength(before.directories.length + 1)

    await it.cluster.stop()
    expect(alive(processes)).toEqual([])
    expect(machineTraces()).toEqual(before)
  })

  test('the cluster ends with the process that started it, even if that is killed', async () => {
    const before = machineTraces()
    const host = spawn(
      join(REPO, 'node_modules/.bin/node'),
      [join(REPO, 'test/kernel/abandoned-host.ts')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const said = await Promise.race([once(host.stdout, 'data'), once(host, 'exit')])
    expect(String(said)).toBe('running\n')
    const processes = await withSleep(host.pid ?? 0)

    host.kill('SIGKILL')
    await once(host, 'exit')
    // The directory is cleared a second time after a second; everything else goes at once.
    const deadline = Date.now() + 30_000
    const isCalm = () => alive(processes).length === 0 && isDeepStrictEqual(machineTraces(), before)
    while (!isCalm() && Date.now() < deadline) await sleep(50)
    expect(alive(processes)).toEqual([])
    expect(machineTraces()).toEqual(before)
  })

  test('two clusters run side by side', async () => {
    const first = await startTestCluster()
    try {
      const second = await startTestCluster()
      await second.cluster.stop()
      expect(await first.kubectl(['get', 'nodes', '-o', 'name'])).toBe('node/playground\n')
    } finally {
      await first.cluster.stop()
    }
  })
})

/** The processes below this one, once the pod's command is among them: its container runs some moments before. */
async function withSleep(pid: number): Promise<ProcessId[]> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const processes = descendants(pid)
    const commands = processes.map(({ command }) => command)
    if (commands.some((command) => command.startsWith('sleep 1000'))) return processes
    if (Date.now() > deadline) throw new Error(`no sleep 1000 among ${commands.join('\n')}`)
    await sleep(50)
  }
}
