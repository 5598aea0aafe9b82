/** A sidecar that has no file descriptor left: it neither ends nor spins, and serves again when it can. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import type { CrowdOutcome } from './crowd-client.ts'
import { APP_UID, createSidecarPods, type SidecarPod, type SidecarPods } from './sidecar-pods.ts'
import { cpuMs, GONE_MS, openFiles, sidecarPid, untilSocketsAtMost } from './sidecar-state.ts'

const PORT = 8080
/** A sidecar at rest has some 25 open files, and each connection needs two. */
const LIMIT = 200
const MORE_THAN_FIT = 200

describeKernel('a sidecar without a file descriptor left', () => {
  let pods: SidecarPods
  let pod: SidecarPod
  let client: LabProcess
  let ask: (task: object) => Promise<CrowdOutcome>

  beforeAll(async () => {
    pods = await createSidecarPods()
    // The soft limit is lower, and the sidecar raises it by itself.
    pod = await pods.addPod('app', { openFiles: `${LIMIT / 2}:${LIMIT}` })
    const program = `${REPO_INSIDE}/test/kernel/programs/crowd-server.ts`
    const server = spawnIn(pod, [NODE_INSIDE, program, `${PORT}`], { uid: APP_UID })
    await waitForPort(pod, PORT, { server })
    await pods.publish([])
    const crowd = `${REPO_INSIDE}/test/kernel/programs/crowd-client.ts`
    client = spawnIn(pods.lab.node, [NODE_INSIDE, crowd, pod.ipv4, `${PORT}`])
    const lines = createInterface({ input: client.child.stdout })
    ask = async (task) => {
      client.child.stdin.write(`${JSON.stringify(task)}\n`)
      const [line] = await once(lines, 'line')
      return JSON.parse(line)
    }
  })

  afterAll(() => pods?.close())

  test('may use as many as its hard limit allows', () => {
    const limits = readFileSync(`/proc/${sidecarPid(pod)}/limits`, 'utf8')
    expect(limits).toMatch(new RegExp(`^Max open files\\s+${LIMIT}\\s+${LIMIT}\\s`, 'm'))
  })

  test('refuses what does not fit, keeps what it has, and serves all again afterwards', async () => {
    const held = await ask({ hold: MORE_THAN_FIT })
    expect(held.failed).toBeGreaterThan(10)
    // Each answered connection holds two. How many of the rest were accepted and then had none left for
    // the app, and so were closed again, is the kernel's choice of the moment.
    expect(openFiles(pod)).toBeGreaterThanOrEqual(2 * held.answered)
    expect(held.answered).toBeGreaterThan(LIMIT / 4)

    // One that spins takes all the time that there is; a machine that stands still makes it longer.
    const before = { cpu: cpuMs(pod), at: performance.now() }
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(cpuMs(pod) - before.cpu).toBeLessThan(0.3 * (performance.now() - before.at))
    expect(await ask({ ask: true })).toEqual({ answered: held.answered, failed: 0, problem: null })

    await ask({ leave: true })
    await untilSocketsAtMost(pod, 2, GONE_MS)
    expect(await ask({ pass: 100, end: 'fin' })).toMatchObject({ failed: 0, problem: null })
    const { stdout } = pod.sidecar.output
    const complaints = stdout
      .split('\n')
      .filter((line) => line.includes('file descriptors are nearly used up'))
    expect(complaints).toHaveLength(1)
  })
})
