/**
 * Where a row is measured: a lab of pods with the controller on its node, one pod for each contestant,
 * prepared and reached alike, and the backend. Everything ends with it.
 *
 *   redirect   client ─► OUTPUT REDIRECT ─► proxy (uid 1337)   in the contestant's pod
 *              proxy ─► veth, bridge, veth ─► backend          in a pod of its own
 *   loopback   client ─► proxy ─► backend                      all in the contestant's pod, no rules
 */
import { ENV, PORT, PROXY_UID } from '../core/names.ts'
import {
  createPodLab,
  type LabProcess,
  type Place,
  type PodLab,
  run,
  runOk,
  SCRATCH_INSIDE,
  spawnIn,
  waitForPort,
} from '../test/kernel/lab.ts'
import { prepare } from '../test/kernel/proxy-init-run.ts'
import { BACKEND, startBackend, type Target, writeInside } from './backend.ts'
import type { Contestant, Launch, Placement, Surroundings } from './contestant.ts'
import { type Controller, startController } from './controller.ts'
import { pinned } from './cores.ts'
import { cpuSecondsBelow, residentBytesBelow } from './process-tree.ts'
import { PREVIEW_HOST, serviceTable } from './service-table.ts'

export interface Stage {
  placement: Placement
  lab: PodLab
  controller: Controller
  /** Null on loopback, where each pod has its own. */
  backend: Place | null
  close(): Promise<void>
}

/** A contestant that is running, and how to reach it. */
export interface Seat {
  contestant: Contestant
  place: Place
  placement: Placement
  /** Null for the direct connection. */
  process: LabProcess | null
  controller: Controller
  /** Where a client connects to get to the row's target through this contestant. */
  address: { ip: string; port: number }
  /** CPU seconds of the proxy so far; 0 for the direct connection. */
  cpuSeconds(): number
  residentBytes(): number
}

export const LOOPBACK = '127.0.0.1'
/** Another address of the same interface, connections to which are redirected to the proxy. */
const REDIRECTED_LOOPBACK = '127.0.0.2'
const READY_TIMEOUT_MS = 15_000

const open = new Set<Stage>()

export async function openStage(placement: Placement): Promise<Stage> {
  const lab = await createPodLab()
  try {
    const controller = await startController(lab.node)
    const backend = placement === 'redirect' ? await lab.addPod('backend') : null
    if (backend) await startBackend(backend)
    const stage: Stage = { placement, lab, controller, backend, close: () => closeStage(stage) }
    open.add(stage)
    return stage
  } catch (cause) {
    await lab.close()
    throw cause
  }
}

/** Ends what is still open, for a run that is broken off. */
export async function closeStages(): Promise<void> {
  await Promise.all([...open].map(closeStage))
}

function closeStage(stage: Stage): Promise<void> {
  open.delete(stage)
  return stage.lab.close()
}

export interface SeatOptions {
  /** Ports of the backend. */
  target: Target
  /** On loopback too, connections to the contestant are redirected: for what has no host to go by. */
  loopbackRules?: boolean
}

/** Makes a contestant's pod and starts it there; resolves when it serves. */
export async function seat(
  stage: Stage,
  contestant: Contestant,
  options: SeatOptions,
): Promise<Seat> {
  const place = await preparePod(stage, contestant, options)
  const surroundings = surroundingsOf(stage, place, options)
  const process = await launch(place, contestant, surroundings)
  const { placement, controller } = stage
  return {
    contestant,
    place,
    placement,
    process,
    controller,
    address: addressOf(stage, contestant, options),
    cpuSeconds: () => (process ? cpuSecondsBelow(process.child.pid as number) : 0),
    residentBytes: () => (process ? residentBytesBelow(process.child.pid as number) : 0),
  }
}

function addressOf(
  { backend }: Stage,
  { launch, ours = false }: Contestant,
  { target, loopbackRules = false }: SeatOptions,
): Seat['address'] {
  const port = ours ? target.ours : target.peers
  if (backend) return { ip: backend.ipv4, port }
  if (!launch) return { ip: LOOPBACK, port }
  return loopbackRules ? { ip: REDIRECTED_LOOPBACK, port } : { ip: LOOPBACK, port: PORT.outbound }
}

/** The contestant's pod: with its rules or its own backend, and its routing table where it takes one. */
export async function preparePod(
  stage: Stage,
  contestant: Contestant,
  { target, loopbackRules = false }: SeatOptions,
): Promise<Place> {
  const place = await stage.lab.addPod(contestant.name)
  if (!stage.backend) await startBackend(place)
  if (!stage.backend && contestant.launch && loopbackRules) await redirectLoopback(place)
  if (stage.backend && contestant.launch) {
    await prepare(place, { [ENV.skipOutboundPorts]: SKIPPED })
  }
  if (contestant.services) {
    const ip = stage.backend?.ipv4 ?? (loopbackRules ? REDIRECTED_LOOPBACK : LOOPBACK)
    // A gateway goes to a service's first port.
    const ports = [...new Set([target.ours, ...Object.values(BACKEND)])]
    const table = serviceTable(contestant.services, ip, ports)
    // A sidecar asks by its pod's name, and a gateway for all.
    stage.controller.publish(contestant.name, table)
    stage.controller.publish('', table)
  }
  return place
}

/** proxy-init leaves loopback alone, so this placement has one rule of its own. */
async function redirectLoopback(place: Place): Promise<void> {
  const match = `-p tcp -d ${REDIRECTED_LOOPBACK} -m owner ! --uid-owner ${PROXY_UID}`
  const rule = `-A OUTPUT ${match} -j REDIRECT --to-ports ${PORT.outbound}`
  await runOk(place, ['iptables-nft-restore'], { input: `*nat\n${rule}\nCOMMIT\n` })
}

/** The way past the sidecar, for what is compared with it connection by connection. */
const SKIPPED = `${BACKEND.greetingDirect}`

export function surroundingsOf(
  { backend, controller, placement }: Stage,
  place: Place,
  { target }: SeatOptions,
): Surroundings {
  return {
    pod: place.name,
    podIp: place.ipv4,
    port: PORT.outbound,
    upstream: { ip: backend?.ipv4 ?? LOOPBACK, port: target.peers },
    controller,
    placement,
    scratch: SCRATCH_INSIDE,
  }
}

/** Writes what a contestant finds in its scratch folder. */
export async function placeFiles(place: Place, { files = {} }: Launch): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeInside(place, `${SCRATCH_INSIDE}/${name}`, text)
  }
}

async function launch(
  place: Place,
  contestant: Contestant,
  surroundings: Surroundings,
): Promise<LabProcess | null> {
  if (!contestant.launch) return null
  const launch = contestant.launch(surroundings)
  const { argv, env = {} } = launch
  await placeFiles(place, launch)
  const process = spawnIn(place, pinned('proxy', argv), {
    uid: PROXY_UID,
    env,
    cwd: SCRATCH_INSIDE,
  })
  await waitForPort(place, surroundings.port, { server: process, timeoutMs: READY_TIMEOUT_MS })
  if (contestant.ours) await untilReady(place, process)
  return process
}

/** Ready alone would not do: after some seconds a sidecar is ready without a table too. */
async function untilReady(place: Place, process: LabProcess): Promise<void> {
  const admin = `http://${LOOPBACK}:${PORT.admin}`
  const deadline = Date.now() + READY_TIMEOUT_MS
  for (;;) {
    const argv = ['curl', '-s', '--fail-with-body', `${admin}/ready`, `${admin}/metrics`]
    const { code, stdout } = await run(place, argv)
    if (code === 0 && /^azds_proxy_feed_version 1$/m.test(stdout)) return
    if (Date.now() > deadline) {
      throw new Error(`${place.name} has no routing table: ${process.output.stdout}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A number of the sidecar's /metrics, summed over its labels. */
export async function metricOf(place: Place, name: string): Promise<number> {
  const text = await runOk(place, ['curl', '-sf', `http://${LOOPBACK}:${PORT.admin}/metrics`])
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}

/** The host that clients name: on loopback the gateway goes by it, and elsewhere nothing does. */
export function hostFor(seat: Seat): string {
  return seat.placement === 'loopback' ? PREVIEW_HOST : 'web'
}
