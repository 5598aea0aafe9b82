/** Runs a load against a contestant, and measures the CPU time that the proxy took for it. */
import { REPO_INSIDE, run } from '../test/kernel/lab.ts'
import { APP_UID, type BackendPath } from './backend.ts'
import { pinned } from './cores.ts'
import type { Measured } from './paired-rounds.ts'
import { readWrk } from './readers/wrk-output.ts'
import { hostFor, metricOf, type Seat } from './stage.ts'

/** Besides the load itself: its start, and connections that are slow to come. */
const LOAD_GRACE_MS = 20_000

export interface LoadRun<T> {
  /** CPU seconds of the proxy, until it has done all that the load has left it to do. */
  cpuSeconds: number
  /** Those of them that it took before the load ended. */
  cpuSecondsDuring: number
  output: T
}

/** Runs a program of the load in the contestant's pod, as an app would. */
export async function underLoad(
  seat: Seat,
  argv: readonly string[],
  seconds: number,
): Promise<LoadRun<{ code: number | null; stdout: string; stderr: string }>> {
  const before = seat.cpuSeconds()
  const output = await run(seat.place, pinned('load', argv), {
    uid: APP_UID,
    timeoutMs: seconds * 1000 + LOAD_GRACE_MS,
  })
  const cpuSecondsDuring = seat.cpuSeconds() - before
  await settle(seat)
  return { cpuSeconds: seat.cpuSeconds() - before, cpuSecondsDuring, output }
}

export interface WrkLoad {
  path: BackendPath
  /** What `load.lua` calls it; a plain GET if absent. */
  kind?: 'browser' | 'traced' | 'post' | 'close'
  connections: number
}

/** Requests per CPU-second of the proxy, and what the client saw. */
export async function measureWrk(seat: Seat, load: WrkLoad, seconds: number): Promise<Measured> {
  const { path, kind, connections } = load
  const { ip, port } = seat.address
  const argv = [
    ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-H', `Host: ${hostFor(seat)}`],
    ...['-s', `${REPO_INSIDE}/bench/wrk/load.lua`, `http://${ip}:${port}${path}`],
    ...(kind ? ['--', kind] : []),
  ]
  const { cpuSeconds, cpuSecondsDuring, output } = await underLoad(seat, argv, seconds)
  const read = readWrk(output.stdout || output.stderr)
  if (!read.ok) return read
  const { requests, p50Us, p99Us } = read.result
  const values = {
    perSecond: requests / read.result.seconds,
    p50Us,
    p99Us,
    ...(seat.process && {
      perCpuSecond: requests / cpuSeconds,
      perCpuSecondDuring: requests / cpuSecondsDuring,
    }),
  }
  return { ok: true, exchanges: requests, values }
}

/** Longest wait for a proxy to come to rest. */
const SETTLE_MS = 10_000
/** How long it must have done nothing. */
const REST_MS = 60
/** A sidecar that has been busy sends what traces are left with pauses between the batches. */
const TRACED_REST_MS = 400
/** One tick of the kernel's clock, which even an idle program takes now and then. */
const TICK_SECONDS = 0.01

/** Waits until the proxy has nothing to do, so that each measurement has its own work and no other. */
async function settle(seat: Seat): Promise<void> {
  const { place, contestant, cpuSeconds } = seat
  const deadline = Date.now() + SETTLE_MS
  const restMs = contestant.traced ? TRACED_REST_MS : REST_MS
  for (;;) {
    const before = cpuSeconds()
    await new Promise((resolve) => setTimeout(resolve, restMs))
    if (Date.now() > deadline) return
    if (cpuSeconds() - before >= 1.5 * TICK_SECONDS) continue
    // Asked only of one that rests: the answer costs it a millisecond.
    if (!contestant.traced || (await metricOf(place, 'azds_proxy_trace_queue_records')) === 0)
      return
  }
}
