/**
 * Asks a webhook about pods as an API server does, in a process of its own: over kept TLS connections, by its
 * name. Arguments: port, file with the authority, number of spaces. Reads commands from standard input, a
 * line each: `paced RATE SECONDS` or `flat SECONDS`; answers each with a line of JSON.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { POD_SHAPES } from './pod-shapes.ts'
import { spaceName } from './seeded-api.ts'

export interface LoadResult {
  reviews: number
  seconds: number
  /** Reviews that were not answered with an injection. */
  failed: number
  /** Why the first of those failed. */
  problem: string | null
  p50Ms: number
  p99Ms: number
  maxMs: number
}

const CONNECTIONS = 4
/** So many pods of one owner come one after the other, then those of the next. */
const PODS_AN_OWNER = 10

const [port = '', caFile = '', spaces = ''] = process.argv.slice(2)
const agent = new Agent({
  keepAlive: true,
  maxSockets: CONNECTIONS,
  ca: readFileSync(caFile, 'utf8'),
  servername: 'azds-webhook-service.azds.svc',
})

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

/** Resolves with the time in ms. @throws unless the pod was injected */
function ask(body: string): Promise<number> {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        agent,
        path: '/mutate?timeout=5s',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const ms = performance.now() - begun
          const text = Buffer.concat(chunks).toString('utf8')
          if (response.statusCode === 200 && text.includes('"patchType":"JSONPatch"')) resolve(ms)
          else reject(new Error(`${response.statusCode}: ${text.slice(0, 300)}`))
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

async function run(drive: (one: () => Promise<void>) => Promise<void>): Promise<LoadResult> {
  const times: number[] = []
  let failed = 0
  let problem: string | null = null
  const begun = performance.now()
  await drive(async () => {
    try {
      times.push(await ask(nextReview()))
    } catch (error) {
      failed += 1
      problem ??= (error as Error).message
    }
  })
  const seconds = (performance.now() - begun) / 1000
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return {
    ...{ reviews: times.length, seconds, failed, problem },
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
}

/** Begins one at each due moment, however long those before take. */
async function paced(rate: number, seconds: number, one: () => Promise<void>): Promise<void> {
  const begun = performance.now()
  const open: Promise<void>[] = []
  for (let number = 0; number < rate * seconds; number += 1) {
    const due = begun + (number * 1000) / rate
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    open.push(one())
  }
  await Promise.all(open)
}

async function flat(seconds: number, one: () => Promise<void>): Promise<void> {
  const end = performance.now() + seconds * 1000
  const line = async () => {
    while (performance.now() < end) await one()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, line))
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, first = '', second = ''] = line.split(' ')
  const result = await run((one) =>
    command === 'paced' ? paced(Number(first), Number(second), one) : flat(Number(first), one),
  )
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
agent.destroy()
