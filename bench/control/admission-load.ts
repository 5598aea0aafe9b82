/**
 * Asks a webhook about pods as an API server does, in a process of its own: over kept TLS connections, by its
 * name. Arguments: port, file with the authority, number of spaces. Reads commands from standard input, a
 * line each: `paced RATE SECONDS` or `flat SECONDS`; answers each with a line of JSON.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { POD_SHAPES } from './pod-shapes.ts'
import { ReviewConnection, requestOf } from './review-connection.ts'
import { spaceName } from './seeded-api.ts'

export interface LoadResult {
  reviews: number
  seconds: number
  /** Reviews that were not answered with an injection. */
  failed: number
  /** Why the first of those failed. */
  problem: string | null
  /** How long each of the others took (ms). */
  times: number[]
}

const CONNECTIONS = 4
/** After its own work the load lets the machine come to rest (ms). */
const REST_MS = 300
/** So many pods of one owner come one after the other, then those of the next. */
const PODS_AN_OWNER = 10

const [port = '', caFile = '', spaces = ''] = process.argv.slice(2)
const server = { port: Number(port), ca: readFileSync(caFile, 'utf8') }
const connections = await Promise.all(
  Array.from({ length: CONNECTIONS }, () => ReviewConnection.open(server)),
)

let count = 0
let ownerUid = randomUUID()

function nextReview(): string {
  count += 1
  if (count % PODS_AN_OWNER === 0) ownerUid = randomUUID()
  const shape = POD_SHAPES[count % POD_SHAPES.length]
  const namespace = spaceName(count % Number(spaces))
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'app-7d9f8c', uid: ownerUid }
  const metadata = {
    ...shape?.metadata,
    namespace,
    ownerReferences: [{ ...owner, controller: true }],
  }
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: shape?.spec },
      dryRun: false,
    },
  })
}

/** @throws unless the pod was injected */
async function ask(connection: ReviewConnection, review: Buffer): Promise<void> {
  const { status, body } = await connection.ask(review)
  if (status === 200 && body.includes('"patchType":"JSONPatch"')) return
  throw new Error(`${status}: ${body.toString('utf8', 0, 300)}`)
}

/** What one command has seen. */
class LoadRecord {
  readonly #begun = performance.now()
  readonly #times: number[] = []
  #failed = 0
  #problem: string | null = null

  async time(ask: () => Promise<void>): Promise<void> {
    const begun = performance.now()
    try {
      await ask()
      this.#times.push(performance.now() - begun)
    } catch (error) {
      this.#failed += 1
      this.#problem ??= (error as Error).message
    }
  }

  result(): LoadResult {
    const seconds = (performance.now() - this.#begun) / 1000
    const times = this.#times
    return { reviews: times.length, seconds, failed: this.#failed, problem: this.#problem, times }
  }
}

/** Begins one at each due moment, however long those before take: one that finds no free connection waits, and counts. */
async function paced(rate: number, seconds: number): Promise<LoadResult> {
  // Made before, so that no time of the load's own is in what is measured.
  const reviews = Array.from({ length: rate * seconds }, () => requestOf(nextReview()))
  const free = [...connections]
  const waiting: ((connection: ReviewConnection) => void)[] = []
  const record = new LoadRecord()
  const one = async (review: Buffer) => {
    const connection =
      free.pop() ?? (await new Promise<ReviewConnection>((resolve) => waiting.push(resolve)))
    try {
      await ask(connection, review)
    } finally {
      const next = waiting.shift()
      if (next) next(connection)
      else free.push(connection)
    }
  }
  // So is the garbage of that: a round makes less than the nursery takes, and is not interrupted.
  globalThis.gc?.()
  await sleep(REST_MS)
  const begun = performance.now()
  const open: Promise<void>[] = []
  for (const [number, review] of reviews.entries()) {
    const wait = begun + (number * 1000) / rate - performance.now()
    if (wait > 0) await sleep(wait)
    open.push(record.time(() => one(review)))
  }
  await Promise.all(open)
  return record.result()
}

async function flat(seconds: number): Promise<LoadResult> {
  const end = performance.now() + seconds * 1000
  const record = new LoadRecord()
  const line = async (connection: ReviewConnection) => {
    while (performance.now() < end) {
      const review = requestOf(nextReview())
      await record.time(() => ask(connection, review))
    }
  }
  await Promise.all(connections.map(line))
  return record.result()
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, first = '', second = ''] = line.split(' ')
  const result =
    command === 'paced' ? await paced(Number(first), Number(second)) : await flat(Number(first))
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
for (const connection of connections) connection.close()
