/** A sidecar that has no file descriptor left: it neither ends nor spins, and serves again when it can. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { NODE_INSIDE, REPO_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { type Ask, startCrowd } from './crowd.ts'
import {
  APP_UID,
  createSidecarPods,
  eventually,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'
import { cpuShare, GONE_MS, openFiles, sidecarPid, untilSocketsAtMost } from './sidecar-state.ts'

const PORT = 8080
/** A sidecar at rest has some 25 open files, and each connection needs two. */
const LIMIT = 200
const MORE_THAN_FIT = 200
/** Of a processor; a sidecar at rest takes a hundredth. */
const MOST_CPU_SHARE = 0.3
/** How long it may take to come to rest, ms. */
const CALM_MS = 15_000

describeKernel('a sidecar without a file descriptor left', () => {
  let pods: SidecarPods
  let pod: SidecarPod
  let ask: Ask

  beforeAll(async () => {
    pods = await createSidecarPods()
    // The soft limit is lower, and the sidecar raises it by itself.
    pod = await pods.addPod('app', { openFiles: `${LIMIT / 2}:${LIMIT}` })
    const program = `${REPO_INSIDE}/test/kernel/programs/crowd-server.ts`
    const server = spawnIn(pod, [NODE_INSIDE, program, `${PORT}`], { uid: APP_UID })
    await waitForPort(pod, PORT, { server })
    await pods.publish([])
    ask = startCrowd(pods.lab.node, pod.ipv4, PORT)
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

    // What it still has to do at first is done some time; one that spins takes all the time that there is.
    const shares: string[] = []
    await eventually(
      async () => {
        const share = await cpuShare(pod, 1000)
        shares.push(share.toFixed(2))
        return share < MOST_CPU_SHARE
      },
      CALM_MS,
      () => `the sidecar does not come to rest; it took of each second ${shares.join(', ')}`,
    )
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
