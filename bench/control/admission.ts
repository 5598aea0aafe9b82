/** The row `admission`: how fast, at what cost and in how much memory pods are judged in a large cluster. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exec } from '../../core/exec.ts'
import { WEBHOOK_ENV, WEBHOOK_NODE_FLAGS } from '../../core/names.ts'
import type { ApiServer } from '../../playground/apiserver/server.ts'
import { keepAside } from '../cores.ts'
import { median, quantile } from '../statistics.ts'
import type { LoadResult } from './admission-load.ts'
import { type Bare, type Load, startBare, startLoad } from './load-process.ts'
import { type Program, startProgram } from './program.ts'
import type { ControlOutcome, ControlRow } from './row.ts'
import { countingFront, seededApi } from './seeded-api.ts'
import { stolenTime } from './stolen-time.ts'

const SIZE = { namespaces: 10_000, nodes: 500, services: 5000 }
const SPACES = SIZE.namespaces / 10
/** 1,600 reviews a round: 16 of them are above its p99. */
const PACED = { perSecond: 200, seconds: 8 }
const ROUNDS = 5
const WARM_SECONDS = 5
const FLAT_SECONDS = 15
/** Of each round, for the server that answers at once. */
const BARE_SECONDS = 4
/** Events are written in the background, ten a second: their last ones are done by then (ms). */
const SETTLE_MS = 1000
/** Goals are in decimal megabytes, which are the smaller ones. */
const MB = 1_000_000

export const admissionRow: ControlRow = {
  name: 'admission',
  title: 'Admission with 10,000 namespaces, 500 nodes and 5,000 Services',
  how: `\`webhook.mjs\` is asked about pods of 50 shapes in 1,000 spaces over ${4} kept TLS connections, with an
owner for every ten pods: after ${WARM_SECONDS} s of warm-up first at ${PACED.perSecond} reviews a second in
${ROUNDS} rounds of ${PACED.seconds} s, where the time is the client's from the first byte sent to the last byte read, then
as fast as it answers for ${FLAT_SECONDS} s. Before each round the same is asked of a server that answers at once, for
${BARE_SECONDS} s: so much of the time is the load's own and the machine's. What counts is the median of the rounds, because
the host of a virtual machine may take its processors away in any of them; how much it took is told, and so are the
worst round and all rounds taken together. The webhook has one processor for itself; the API server and the load have
the others, and the load goes first there, because it holds the clock. Every request to the API server meanwhile is counted.`,
  async run(progress, stop) {
    progress('filling the cluster')
    const api = await seededApi(SIZE)
    const front = await countingFront(api)
    const letGo = await keepAside(exec)
    let webhook: Program | null = null
    let load: Load | null = null
    let bare: Bare | null = null
    const end = async () => {
      load?.stop()
      bare?.stop()
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
      progress('warming up')
      bare = await startBare(SPACES)
      await bare.load.ask(`flat ${WARM_SECONDS}`)
      load = startLoad(Number(port), ca, SPACES)
      await load.ask(`flat ${WARM_SECONDS}`)
      await sleep(SETTLE_MS)
      const before = front.requests.length
      const stolen = stolenTime()
      const rounds: Round[] = []
      for (let round = 1; round <= ROUNDS; round += 1) {
        progress(`round ${round} of ${ROUNDS}`)
        rounds.push({
          bare: await bare.load.ask(`paced ${PACED.perSecond} ${BARE_SECONDS}`),
          webhook: await load.ask(`paced ${PACED.perSecond} ${PACED.seconds}`),
        })
      }
      const stolenShare = stolen()
      progress('as fast as it goes')
      const cpu = webhook.cpuSeconds()
      const flat = await load.ask(`flat ${FLAT_SECONDS}`)
      const cpuSeconds = webhook.cpuSeconds() - cpu
      await sleep(SETTLE_MS)
      return outcomeOf({
        rounds,
        stolenShare,
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

interface Round {
  /** The same load on a server that answers at once. */
  bare: LoadResult
  webhook: LoadResult
}

interface Seen {
  rounds: Round[]
  /** What the host took of the processors' time in these rounds, 0 to 1. */
  stolenShare: number
  flat: LoadResult
  cpuSeconds: number
  webhook: Program
  /** Requests to the API server while it was loaded. */
  requests: string[]
}

/** What it may ask for in the background: watches that begin anew, Events and whom they are about. */
const BACKGROUND = /^GET \S+watch=true|^POST \S+\/events$|^GET \S+\/(replicasets|jobs)\/[^/?]+$/

function outcomeOf({ rounds, stolenShare, flat, ...seen }: Seen): ControlOutcome {
  const { cpuSeconds, webhook, requests } = seen
  const others = requests.filter((request) => !BACKGROUND.test(request))
  const asked = [...rounds.map((round) => round.webhook), flat]
  const failed = asked.reduce((sum, one) => sum + one.failed, 0)
  const reviews = asked.reduce((sum, one) => sum + one.reviews, 0)
  const ofRounds = (who: keyof Round, share: number) =>
    rounds.map((round) => quantile(round[who].times, share))
  const p99s = ofRounds('webhook', 0.99)
  const all = rounds.flatMap((round) => round.webhook.times)
  const ms = { unit: 'ms', digits: 2 }
  return {
    figures: [
      { name: 'p99 of a review', value: median(p99s), ...ms, must: { atMost: 5 } },
      { name: 'p99 in the worst round', value: Math.max(...p99s), ...ms },
      { name: 'p99 of all rounds together', value: quantile(all, 0.99), ...ms },
      { name: 'median of a review', value: median(ofRounds('webhook', 0.5)), ...ms },
      {
        name: 'p99 of a server that answers at once',
        value: median(ofRounds('bare', 0.99)),
        ...ms,
      },
      { name: 'p99 of it in the worst round', value: Math.max(...ofRounds('bare', 0.99)), ...ms },
      { name: 'median of it', value: median(ofRounds('bare', 0.5)), ...ms },
      { name: 'processor time that the host took', value: stolenShare * 100, unit: '%', digits: 1 },
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
      ...asked.flatMap(({ problem }) => problem ?? []),
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
