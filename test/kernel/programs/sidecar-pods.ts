/**
 * Pods as a cluster makes them: prepared by the real proxy-init, served by the real sidecar as its own
 * uid, both as they are built (dist/), with Services whose cluster IPs lead to pods, and a stand-in for
 * the controller that hands out the routing table and collects the trace records.
 */
import { ENV, PORT, PROXY_NODE_FLAGS, PROXY_UID } from '../../../core/names.ts'
import { type Chain, chainOf, type Space } from '../../../core/spaces.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import {
  createPodLab,
  type LabProcess,
  NODE_INSIDE,
  type Place,
  type PodLab,
  REPO_INSIDE,
  run,
  runOk,
  spawnIn,
  waitForPort,
} from '../lab.ts'
import { prepare } from '../proxy-init-run.ts'
import { programAddresses, type TestService, tableFor } from './service-addresses.ts'

/** The uid as which the apps run. */
export const APP_UID = 1000

const CONTROLLER_PORT = 8080
const SPACES: Space[] = [
  { name: 'dev', parent: null },
  { name: 'alice', parent: 'dev' },
]

/** How long a record may take: its batch waits 50 ms; a loaded machine is slower. */
export const RECORD_TIMEOUT_MS = 15_000
const READY_TIMEOUT_MS = 20_000

export interface SidecarPod extends Place {
  space: string
  sidecar: LabProcess
}

export interface SidecarPods {
  lab: PodLab
  /** Adds a pod with a sidecar; it is ready after the next `publish`. */
  addPod(name: string, options?: AddPodOptions): Promise<SidecarPod>
  /** Gives the addresses to the kernel and the tables to the sidecars, and waits until they have them. */
  publish(services: readonly TestService[]): Promise<void>
  records(): TraceRecord[]
  /** The first record that fits; waits for it, and says which there were if none comes. */
  recordWhere(what: string, fits: (record: TraceRecord) => boolean): Promise<TraceRecord>
  /** Drops the records that have come so far; for a run with more of them than memory. */
  forgetRecords(): void
  close(): Promise<void>
}

export interface AddPodOptions {
  /** `dev`, the root, by default; or `alice`, its child. */
  space?: string
  /** More environment for proxy-init and the sidecar. */
  env?: Record<string, string>
  /** The sidecar's soft and hard limit of open files; the machine's own by default. */
  openFiles?: string
  /** The sidecar's program, as a path in the repository; what the images hold by default. */
  program?: string
}

export async function createSidecarPods(): Promise<SidecarPods> {
  const lab = await createPodLab()
  try {
    return await startIn(lab)
  } catch (cause) {
    await lab.close()
    throw cause
  }
}

async function startIn(lab: PodLab): Promise<SidecarPods> {
  const { node } = lab
  await runOk(node, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  const program = `${REPO_INSIDE}/test/kernel/programs/controller-stand-in.ts`
  const controller = spawnIn(node, [NODE_INSIDE, program, `${CONTROLLER_PORT}`])
  await waitForPort(node, CONTROLLER_PORT, { server: controller })
  const pods: SidecarPod[] = []
  let version = 0
  const records = collectRecords(controller)
  return {
    lab,
    records,
    addPod: async (name, { space = 'dev', env = {}, ...start } = {}) => {
      const place = await lab.addPod(name)
      await prepare(place, { ...env, [ENV.spaceChain]: chainTo(space).join(',') })
      const sidecar = startSidecar(place, space, { node, env, ...start })
      const pod = { ...place, space, sidecar }
      pods.push(pod)
      return pod
    },
    publish: async (services) => {
      version++
      await programAddresses(node, services)
      for (const pod of pods) {
        const message = tableFor(pod, version, { spaces: SPACES, services })
        controller.child.stdin.write(`${JSON.stringify({ pod: pod.name, message })}\n`)
      }
      await Promise.all(pods.map((pod) => untilSidecarHas(node, pod, version)))
    },
    recordWhere: (what, fits) =>
      eventually(
        () => records().find(fits),
        RECORD_TIMEOUT_MS,
        () => `no record of ${what}; there are ${records().map(inShort).join(', ') || 'none'}`,
      ),
    forgetRecords: () => {
      controller.output.stdout = ''
    },
    close: () => lab.close(),
  }
}

function chainTo(space: string): string[] {
  const chain: Chain = chainOf(new Map(SPACES.map((entry) => [entry.name, entry])), space)
  return chain.names
}

/** Starts, or starts again, the sidecar of a prepared pod. */
function startSidecar(
  pod: Place,
  space: string,
  {
    node,
    env,
    openFiles,
    program = 'dist/proxy.mjs',
  }: { node: Place; env: Record<string, string>; openFiles?: string; program?: string },
): LabProcess {
  const limit = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}`]
  return spawnIn(pod, [...limit, NODE_INSIDE, ...PROXY_NODE_FLAGS, `${REPO_INSIDE}/${program}`], {
    uid: PROXY_UID,
    env: {
      [ENV.podName]: pod.name,
      [ENV.podNamespace]: space,
      [ENV.podIps]: [pod.ipv4, pod.ipv6].join(','),
      [ENV.spaceChain]: chainTo(space).join(','),
      [ENV.controllerUrl]: `http://${node.ipv4}:${CONTROLLER_PORT}`,
      AZDS_TRACE_FLUSH_MS: '50',
      ...env,
    },
  })
}

/** Waits until the sidecar is ready and routes by the table of that version. */
async function untilSidecarHas(node: Place, pod: SidecarPod, version: number): Promise<void> {
  const { sidecar, ipv4 } = pod
  const admin = `http://${ipv4}:${PORT.admin}`
  await waitForPort(pod, PORT.admin, { server: sidecar })
  await eventually(
    async () => {
      const argv = ['curl', '-s', '--fail-with-body', `${admin}/routes`, `${admin}/ready`]
      const { code, stdout } = await run(node, argv)
      return code === 0 && stdout.includes(`"number": ${version}`)
    },
    READY_TIMEOUT_MS,
    () => `the sidecar of ${pod.name} has not taken table ${version}: ${sidecar.output.stdout}`,
  )
}

/** Reads each record once: a test under load has ten thousands, and asks again and again. */
function collectRecords({ output }: LabProcess): () => TraceRecord[] {
  const records: TraceRecord[] = []
  return () => {
    const lines = output.stdout.split('\n')
    output.stdout = lines.pop() ?? ''
    records.push(...lines.map((line) => JSON.parse(line)))
    return records
  }
}

function inShort({ pod, direction, protocol, method, path, status, error }: TraceRecord): string {
  const outcome = error ? error.code : status
  return [pod, direction, protocol, method, path, outcome].filter((part) => part !== null).join(' ')
}

/** Polls until there is something; rejects with `complaint` after `ms`. */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  ms: number,
  complaint: () => string,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + ms
  for (;;) {
    const value = await probe()
    if (value) return value as NonNullable<Exclude<T, false>>
    if (Date.now() > deadline) throw new Error(`${complaint()} (waited ${ms} ms)`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
