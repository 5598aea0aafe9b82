/** The row `admission`: how fast, at what cost and in how much memory pods are judged in a large cluster. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { exec } from '../../core/exec.ts'
import { WEBHOOK_ENV, WEBHOOK_NODE_FLAGS } from '../../core/names.ts'
import type { ApiServer } from '../../playground/apiserver/server.ts'
import { keepAside, pinned } from '../cores.ts'
import type { LoadResult } from './admission-load.ts'
import { type Program, startProgram } from './program.ts'
import type { ControlOutcome, ControlRow } from './row.ts'
import { countingFront, seededApi } from './seeded-api.ts'

const SIZE = { namespaces: 10_000, nodes: 500, services: 5000 }
const PACED = { perSecond: 200, seconds: 30 }
const WARM_SECONDS = 5
const FLAT_SECONDS = 15
/** 2,000 reviews: 20 of them are above the p99. */
const BARE_SECONDS = 10
/** Of the load, as nice(1) has it; root alone may. */
const LOAD_PRIORITY = -10
/** Events are written in the background, ten a second: their last ones are done by then (ms). */
const SETTLE_MS = 1000
/** Goals are in decimal megabytes, which are the smaller ones. */
const MB = 1_000_000

export const admissionRow: ControlRow = {
  name: 'admission',
  title: 'Admission with 10,000 namespaces, 500 nodes and 5,000 Services',
  how: `\`webhook.mjs\` is asked about pods of 50 shapes in 1,000 spaces over ${4} kept TLS connections, with an
owner for every ten pods: after ${WARM_SECONDS} s of warm-up first at ${PACED.perSecond} reviews a second for
${PACED.seconds} s, where the time is the client's from the first byte sent to the last byte read, then as fast as it
answers for ${FLAT_SECONDS} s. The webhook has one processor for itself; the API server and the load have the others, and
the load goes first there, because it holds the clock. Before, the same is asked of a server that answers at once, for ${BARE_SECONDS} s: so
much of the time is the load's own and the machine's. Every request to the API server meanwhile is counted.`,
  async run(progress, stop) {
    progress('filling the cluster')
    const api = await seededApi(SIZE)
    const front = await countingFront(api)
    const letGo = await keepAside(exec)
    let webhook: Program | null = null
    let load: Load | null = null
    const end = async () => {
      load?.stop()
      await webhook?.stop('SIGKILL')
      front.close()
      await api.close()
      await letGo()
    }
    stop.addEventListener('abort', () => void end(), { once: true })
    try {
      await configure(api)
      webhook = startProgram({
        flags: WEBHOOK_NODE_FLAGS,
        ...{ bundle: 'webhook.mjs', api: front.api, namespace: 'azds', account: 'azds-webhook' },
        env: {
          ...WEBHOOK_ENV,
          AZDS_WEBHOOK_PORT: '0',
          AZDS_METRICS_PORT: '0',
          AZDS_LISTEN_ADDRESS: '127.0.0.1',
          AZDS_DRAIN_SECONDS: '0',
        },
      })
      const { port } = await webhook.logged('listening')
      const ca = await callable(api)
      progress('the load alone')
      const bare = await measureBare()
      load = startLoad(Number(port), ca, SIZE.namespaces / 10)
      progress('warming up')
      await load.ask(`flat ${WARM_SECONDS}`)
      await sleep(SETTLE_MS)
      const before = front.requests.length
      progress('paced')
      const paced = await load.ask(`paced ${PACED.perSecond} ${PACED.seconds}`)
      progress('as fast as it goes')
      const cpu = webhook.cpuSeconds()
      const flat = await load.ask(`flat ${FLAT_SECONDS}`)
      const cpuSeconds = webhook.cpuSeconds() - cpu
      await sleep(SETTLE_MS)
      return outcomeOf({
        bare,
        paced,
        flat,
        cpuSeconds,
        webhook,
        requests: front.requests.slice(before),
      })
    } finally {
      await end()
    }
  },
}

interface Seen {
  /** The same load on a server that answers at once. */
  bare: LoadResult
  paced: LoadResult
  flat: LoadResult
  cpuSeconds: number
  webhook: Program
  /** Requests to the API server while it was loaded. */
  requests: string[]
}

/** What it may ask for in the background: watches that begin anew, Events and whom they are about. */
const BACKGROUND = /^GET \S+watch=true|^POST \S+\/events$|^GET \S+\/(replicasets|jobs)\/[^/?]+$/

function outcomeOf({ bare, paced, flat, cpuSeconds, webhook, requests }: Seen): ControlOutcome {
  const others = requests.filter((request) => !BACKGROUND.test(request))
  const failed = paced.failed + flat.failed
  const reviews = paced.reviews + flat.reviews
  return {
    figures: [
      { name: 'p99 of a review', value: paced.p99Ms, unit: 'ms', digits: 2, must: { atMost: 5 } },
      { name: 'median of a review', value: paced.p50Ms, unit: 'ms', digits: 2 },
      { name: 'p99 of a server that answers at once', value: bare.p99Ms, unit: 'ms', digits: 2 },
      { name: 'median of it', value: bare.p50Ms, unit: 'ms', digits: 2 },
      {
        name: 'reviews per CPU-second',
        value: flat.reviews / cpuSeconds,
        unit: '',
        must: { atLeast: 500 },
      },
      { name: 'memory', value: webhook.peakBytes() / MB, unit: 'MB', must: { atMost: 120 } },
      { name: 'memory at the end', value: webhook.residentBytes() / MB, unit: 'MB' },
      {
        name: 'requests to the API server for a review',
        value: others.length,
        unit: '',
        must: { atMost: 0 },
      },
      { name: 'reviews that failed', value: failed, unit: '', must: { atMost: 0 } },
    ],
    notes: [
      `${reviews} reviews, ${requests.length} requests of watches and Events in the background`,
      ...[...new Set(others)].slice(0, 5).map((request) => `asked for ${request}`),
      ...[paced.problem, flat.problem].filter((problem) => problem !== null),
    ],
  }
}

const CONFIGURATIONS = 'admissionregistration.k8s.io/mutatingwebhookconfigurations'

async function configure(api: ApiServer): Promise<void> {
  api.objects.store.put(CONFIGURATIONS, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: 'azds-webhook',
      uid: 'azds-webhook',
      resourceVersion: '',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    webhooks: [
      {
        name: 'inject.azds.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: { service: { namespace: 'azds', name: 'azds-webhook-service' } },
        rules: [],
      },
    ],
  })
}

/** Waits until the webhook has registered itself; returns the bundle (PEM). */
async function callable(api: ApiServer): Promise<string> {
  for (let tries = 0; tries < 600; tries += 1) {
    const object = api.objects.store.get(CONFIGURATIONS, undefined, 'azds-webhook')
    const [first] = (object?.['webhooks'] ?? []) as { clientConfig?: { caBundle?: string } }[]
    const bundle = first?.clientConfig?.caBundle
    if (bundle) return Buffer.from(bundle, 'base64').toString('utf8')
    await sleep(50)
  }
  throw new Error('the webhook did not register its authority within 30 s')
}

/** What the load sees of a server that has nothing to do, where the webhook runs. */
async function measureBare(): Promise<LoadResult> {
  const program = join(import.meta.dirname, 'programs/answer-at-once.ts')
  const command = pinned('proxy', [process.execPath, program])
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  let load: Load | null = null
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const { port, ca } = JSON.parse(String(line)) as { port: number; ca: string }
    load = startLoad(port, ca, SIZE.namespaces / 10)
    await load.ask(`flat ${WARM_SECONDS}`)
    return await load.ask(`paced ${PACED.perSecond} ${BARE_SECONDS}`)
  } finally {
    load?.stop()
    child.kill('SIGKILL')
  }
}

interface Load {
  ask(command: string): Promise<LoadResult>
  stop(): void
}

function startLoad(port: number, ca: string, spaces: number): Load {
  const directory = mkdtempSync(join(tmpdir(), 'azds-load-'))
  const file = join(directory, 'ca.crt')
  writeFileSync(file, ca)
  const program = join(import.meta.dirname, 'admission-load.ts')
  const command = pinned('load', [process.execPath, program, String(port), file, String(spaces)])
  const child: ChildProcess = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  goFirst(child.pid ?? 0)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  return {
    async ask(command) {
      child.stdin?.write(`${command}\n`)
      const line = await Promise.race([
        once(lines, 'line').then(([text]) => String(text)),
        once(child, 'exit').then(() => null),
      ])
      if (line === null) throw new Error('the load ended early')
      return JSON.parse(line) as LoadResult
    },
    stop() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Without the right to it the load shares its processor with the API server as equals, and shows that in its times. */
function goFirst(pid: number): void {
  try {
    setPriority(pid, LOAD_PRIORITY)
  } catch {
    // Figures of the server that answers at once tell what it costs.
  }
}
