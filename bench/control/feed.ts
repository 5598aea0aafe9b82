/** The rows of the routing feed: how fast a change reaches everybody, and what a restart of the controller does. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CONTROLLER_CA_SECRET,
  CONTROLLER_NODE_FLAGS,
  CONTROLLER_SERVICE,
  SYSTEM_NAMESPACE,
} from '../../core/names.ts'
import { quantile } from '../statistics.ts'
import { type FeedCluster, SERVICES, SIDECARS, SPACES, startFeedCluster } from './feed-cluster.ts'
import { type FeedReaders, startReaders } from './feed-readers.ts'
import { type Program, startProgram } from './program.ts'
import type { ControlOutcome, ControlRow } from './row.ts'

const CHANGES = 60
/** Between two changes, ms: a cluster in which somebody deploys all the time. */
const PAUSE_MS = 400
const MISSED_CHANGES = 100
/** Goals are in decimal megabytes, which are the smaller ones. */
const MB = 1_000_000
/** Everything below is over long before, or hangs. */
const PATIENCE_MS = 60_000
/** By then every reader has had a heartbeat, and knows how many there are. */
const HEARTBEAT_MS = 13_000

interface Stage {
  cluster: FeedCluster
  readers: FeedReaders
  controller: Program
  /** Starts the controller anew, on the same ports. */
  restart(): Promise<Program>
  url: string
}

export const feedRow: ControlRow = {
  name: 'feed',
  title: `routing feed: ${SIDECARS} sidecars, ${SERVICES} services in ${SPACES} spaces of one tree`,
  how: `${SIDECARS} sidecars' feeds over TLS, each signed in with a token of its own, in two processes, opened within 5 s; ${CHANGES} changes of a Service, one each ${PAUSE_MS} ms. Time runs from the change in the API server to the last reader that has it.`,
  run: (progress) => onStage(progress, measureChanges),
}

export const herdRow: ControlRow = {
  name: 'herd',
  title: `restart of the controller under ${SIDECARS} sidecars`,
  how: `The controller is killed and started again with nothing changed, then ended in order and started again with ${MISSED_CHANGES} changes meanwhile. Time runs from the start of the new process to the last sidecar's first message.`,
  run: (progress) => onStage(progress, measureHerd),
}

async function onStage(
  progress: (text: string) => void,
  measure: (stage: Stage, progress: (text: string) => void) => Promise<ControlOutcome>,
): Promise<ControlOutcome> {
  progress('makes a cluster')
  const cluster = await startFeedCluster()
  const readers = startReaders()
  let controller: Program | null = null
  const ports = { plain: 0, tls: 0 }
  const restart = async () => {
    controller = await startController(cluster, ports)
    return controller
  }
  try {
    const started = await restart()
    const url = `https://${CONTROLLER_SERVICE}.${SYSTEM_NAMESPACE}.svc:${ports.tls}`
    progress('opens the feeds')
    readers.open(url, authorityOf(cluster), cluster.identities)
    await readers.until('all feeds', ({ open }) => open === SIDECARS, PATIENCE_MS)
    return await measure({ cluster, readers, controller: started, restart, url }, progress)
  } finally {
    readers.close()
    await (controller as Program | null)?.stop('SIGKILL')
    await cluster.close()
  }
}

async function startController(cluster: FeedCluster, ports: { plain: number; tls: number }) {
  const program = startProgram({
    bundle: 'controller.mjs',
    flags: CONTROLLER_NODE_FLAGS,
    env: {
      AZDS_CONTROLLER_HOST: '127.0.0.1',
      AZDS_CONTROLLER_PORT: String(ports.plain),
      AZDS_CONTROLLER_TLS_PORT: String(ports.tls),
      AZDS_DATA_DIR: ':memory:',
      AZDS_VIEWER_DIR: '/nonexistent',
    },
    api: cluster.api,
    namespace: SYSTEM_NAMESPACE,
    account: CONTROLLER_SERVICE,
  })
  try {
    const { port } = await program.logged('TLS port is open')
    ports.tls = Number(port)
    return program
  } catch (error) {
    await program.stop('SIGKILL')
    throw error
  }
}

function authorityOf({ api }: FeedCluster): string {
  const { objects } = api
  const resource = objects.registry.builtIn('v1', 'secrets')
  const secret = objects.get({ resource, namespace: SYSTEM_NAMESPACE, name: CONTROLLER_CA_SECRET })
  const { data } = secret as unknown as { data: Record<string, string> }
  return Buffer.from(data['current.crt'] ?? '', 'base64').toString()
}

async function measureChanges(
  { cluster, readers, controller }: Stage,
  progress: (text: string) => void,
): Promise<ControlOutcome> {
  await sleep(2000)
  readers.forget()
  const cpu = controller.cpuSeconds()
  const made = new Map<number, number>()
  for (let number = 1; number <= CHANGES; number++) {
    progress(`change ${number} of ${CHANGES}`)
    made.set(number, Date.now())
    cluster.change(number)
    await sleep(PAUSE_MS)
  }
  const cpuMs = (1000 * (controller.cpuSeconds() - cpu)) / CHANGES
  const hasAll = ({ changes }: { changes: Record<number, { count: number }> }) =>
    [...made.keys()].every((number) => changes[number]?.count === SIDECARS)
  const { changes } = await readers.until('all changes', hasAll, PATIENCE_MS)
  const times = [...made].map(([number, at]) => (changes[number]?.at ?? Number.NaN) - at)
  return {
    figures: [
      {
        name: 'change to all, p99',
        value: quantile(times, 0.99),
        unit: 'ms',
        must: { atMost: 1000 },
      },
      { name: 'change to all, median', value: quantile(times, 0.5), unit: 'ms' },
      { name: 'processor time a change', value: cpuMs, unit: 'ms' },
      memoryFigure('memory of the controller, peak', controller),
    ],
    notes: [],
  }
}

async function measureHerd(
  { cluster, readers, controller, restart }: Stage,
  progress: (text: string) => void,
): Promise<ControlOutcome> {
  progress('waits for heartbeats')
  await sleep(HEARTBEAT_MS)
  const again = async (running: Program, signal: NodeJS.Signals, meanwhile: () => void) => {
    readers.forget()
    await running.stop(signal)
    meanwhile()
    const startedAt = Date.now()
    const next = await restart()
    const seen = await readers.until('all feeds', ({ open }) => open === SIDECARS, PATIENCE_MS)
    return { next, seconds: (seen.firstsAt - startedAt) / 1000, firsts: seen.firsts }
  }
  progress('kills the controller')
  const same = await again(controller, 'SIGKILL', () => {})
  const sameMemory = memoryFigure('memory, peak, nothing changed', same.next)
  progress('waits for heartbeats')
  await sleep(HEARTBEAT_MS)
  progress('ends the controller and changes Services')
  const other = await again(same.next, 'SIGTERM', () => {
    for (let number = 1; number <= MISSED_CHANGES; number++) cluster.change(number)
  })
  // The last slices are still on their way when the last first line has come.
  await sleep(3000)
  const seconds = { unit: 's', digits: 1, must: { atMost: 15 } }
  return {
    figures: [
      { name: 'all resumed, nothing changed', value: same.seconds, ...seconds },
      {
        name: 'snapshots, nothing changed',
        value: SIDECARS - (same.firsts['resume'] ?? 0),
        unit: '',
        must: { atMost: 0 },
      },
      sameMemory,
      { name: `all resumed, ${MISSED_CHANGES} changes`, value: other.seconds, ...seconds },
      memoryFigure(`memory, peak, ${MISSED_CHANGES} changes`, other.next),
    ],
    notes: [`First messages after ${MISSED_CHANGES} changes: ${JSON.stringify(other.firsts)}.`],
  }
}

function memoryFigure(name: string, program: Program) {
  return { name, value: program.peakBytes() / MB, unit: 'MB', must: { atMost: 300 } }
}
