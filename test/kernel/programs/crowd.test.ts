/** Ten thousand connections at once, and tens of thousands one after the other, through one sidecar. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { NODE_INSIDE, REPO_INSIDE, runOk, spawnIn, waitForPort } from '../lab.ts'
import { describeKernel } from '../requirements.ts'
import { type Ask, startCrowd } from './crowd.ts'
import { APP_UID, createSidecarPods, type SidecarPod, type SidecarPods } from './sidecar-pods.ts'
import {
  GONE_MS,
  openFiles,
  residentMb,
  untilFilesAtMost,
  untilSocketsAtLeast,
  untilSocketsAtMost,
} from './sidecar-state.ts'

const PORT = 8080

/** The sidecar needs two descriptors for each; a machine may allow fewer than 20,000. */
const HARD_LIMIT = Number(
  /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1],
)
const HELD = Math.min(10_000, Math.floor((HARD_LIMIT - 300) / 2))

/** Each of four kinds; `npm run soak` does five times as many. */
const PASSED = 5_000

/**
 * Most memory of an idle keep-alive connection, client and upstream together, in kB: twice what it may
 * take by the benchmark, so that the garbage of their beginning does not matter.
 */
const MOST_KB_EACH = 16

/** Memory that may come and go without being a leak, in MB: 20,000 leaks of 1 kB are 20. */
const NOISE_MB = 12

describeKernel('a crowd of connections', () => {
  let pods: SidecarPods
  let pod: SidecarPod
  let ask: Ask
  let idle: { files: number; sockets: number }

  beforeAll(async () => {
    pods = await createSidecarPods()
    pod = await pods.addPod('app', {
      openFiles: `${HARD_LIMIT}`,
      env: { NODE_OPTIONS: '--max-semi-space-size=1' },
    })
    const program = `${REPO_INSIDE}/test/kernel/programs/crowd-server.ts`
    const server = spawnIn(pod, [NODE_INSIDE, program, `${PORT}`], { uid: APP_UID })
    await waitForPort(pod, PORT, { server })
    await pods.publish([])
    // Ports for 40,000 connections within TIME_WAIT's minute.
    const ports = ['sh', '-c', 'echo 2000 65535 > /proc/sys/net/ipv4/ip_local_port_range']
    for (const place of [pods.lab.node, pod]) await runOk(place, ports)
    ask = startCrowd(pods.lab.node, pod.ipv4, PORT)
    await ask({ pass: 200, end: 'fin' })
    await untilSocketsAtMost(pod, 2, GONE_MS)
    // Of the feed and of the traces, either of which may just not be there.
    idle = { files: openFiles(pod) + 2, sockets: 2 }
  })

  afterAll(() => pods?.close())

  test(`${HELD} idle connections are held, and each is still served afterwards`, async () => {
    const before = residentMb(pod)
    expect(await ask({ hold: HELD })).toEqual({ answered: HELD, failed: 0, problem: null })
    await untilSocketsAtLeast(pod, 2 * HELD)
    const kbEach = ((residentMb(pod) - before) * 1000) / HELD
    console.log(`${HELD} idle keep-alive connections: ${kbEach.toFixed(1)} kB each`)
    expect(kbEach).toBeLessThan(MOST_KB_EACH)
    expect(await ask({ ask: true })).toEqual({ answered: HELD, failed: 0, problem: null })
    await ask({ leave: true })
    await untilSocketsAtMost(pod, idle.sockets, GONE_MS)
    await untilFilesAtMost(pod, idle.files)
  }, 120_000)

  test(`${4 * PASSED} connections come and go, and nothing grows`, async () => {
    const round = async (count: number) => {
      for (const task of [
        { pass: count, end: 'fin' },
        { pass: count, end: 'server' },
        { pass: count, end: 'rst' },
        { passOpaque: count },
      ]) {
        expect(await ask(task)).toEqual({ answered: count, failed: 0, problem: null })
      }
    }
    await round(PASSED / 2)
    const before = residentMb(pod)
    await round(PASSED / 2)
    const grown = residentMb(pod) - before
    console.log(`${2 * PASSED} more connections: ${grown.toFixed(1)} MB more`)
    expect(grown).toBeLessThan(NOISE_MB)
    await untilSocketsAtMost(pod, idle.sockets, GONE_MS)
    await untilFilesAtMost(pod, idle.files)
  }, 120_000)
})
