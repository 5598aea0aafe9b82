/**
 * `npm run soak`: mixed traffic through two sidecars behind REDIRECT for some minutes. Prints what they hold
 * over time, and ends with exit code 1 if something grows, is left over, or was answered wrongly.
 */
import { NODE_INSIDE, REPO_INSIDE, spawnIn, waitForPort } from '../../test/kernel/lab.ts'
import {
  APP_UID,
  createSidecarPods,
  type SidecarPod,
  type SidecarPods,
} from '../../test/kernel/programs/sidecar-pods.ts'
import { growthOf, leftOver, type Sample } from './judge.ts'
import { readSoakOptions, type SoakOptions } from './options.ts'
import type { TrafficReport } from './programs/traffic.ts'
import { takeSample } from './sampling.ts'
import { headLine, sampleLine } from './table.ts'

const CLUSTER_IP = '10.96.0.70'
const PORTS = { http: 8080, echo: 8081, greeting: 8082, http2: 8083, grpc: 8084 }
/**
 * The space for new objects grows to 64 MB by and by, at this rate for more than ten minutes; what is
 * forgotten would hide in it. Kept at its first size, what the process gains is what it holds.
 */
const SMALL_NURSERY = '--max-semi-space-size=1'
/** The client's uid: an app's. */
const CLIENT_UID = 1001
/** Enough samples for a line also in a short run, and no more than 120 in a long one. */
const SAMPLES = 60
const LEAST_INTERVAL_MS = 3000
/** After traffic: 5 s for clients that do not close after our FIN, 4 s in the pool, 20 s for a client that hangs. */
const SETTLE_MS = 40_000

const read = readSoakOptions(process.argv.slice(2))
if (!read.ok) {
  process.stdout.write(read.text)
  process.exit(read.help ? 0 : 64)
}
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.log('the soak needs Linux and root: it makes network namespaces and iptables rules')
  process.exit(1)
}
// Processes of the lab do not keep this one alive.
const alive = setInterval(() => {}, 60_000)
const pods = await createSidecarPods()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void pods.close().then(() => process.exit(130)))
}
try {
  const problems = await soak(pods, read.options)
  for (const problem of problems) console.log(`FAIL ${problem}`)
  if (problems.length === 0) console.log('nothing grows, nothing is left over, nothing went wrong')
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  await pods.close()
  clearInterval(alive)
}

async function soak(lab: SidecarPods, { minutes, bundle, only }: SoakOptions): Promise<string[]> {
  const options = { program: bundle, env: { NODE_OPTIONS: SMALL_NURSERY } }
  const client = await lab.addPod('client', options)
  const server = await lab.addPod('server', options)
  const sidecars = [client, server]
  const samples = new Map<SidecarPod, Sample[]>(sidecars.map((pod) => [pod, []]))
  await startServer(lab, server)
  const sampleAll = (minute: number) =>
    Promise.all(sidecars.map((pod) => takeSample(pod, lab.lab.node, minute)))
  const before = await sampleAll(0)
  const traffic = startTraffic(client, only)
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 60_000
  console.log(headLine())
  const interval = Math.max((minutes * 60_000) / SAMPLES, LEAST_INTERVAL_MS)
  while (elapsed() < minutes && traffic.process.child.exitCode === null) {
    await pause(interval)
    for (const [index, sample] of (await sampleAll(elapsed())).entries()) {
      const pod = sidecars[index] as SidecarPod
      samples.get(pod)?.push(sample)
      console.log(sampleLine(pod.name, sample))
    }
    lab.forgetRecords()
  }
  const problems = sidecars.flatMap((pod) => growthOf(pod.name, samples.get(pod) ?? []))
  traffic.process.child.stdin.end()
  const code = await traffic.process.ended
  const report = traffic.report()
  console.log(`traffic: ${JSON.stringify(report?.done ?? {})}, ${report?.failed ?? '?'} failed`)
  console.log(`${report?.connections ?? '?'} connections were opened and closed`)
  if (code !== 0 || report === null)
    problems.push(`the clients ended with ${code}: ${traffic.process.output.stderr}`)
  else if (report.failed > 0)
    problems.push(`${report.failed} turns failed, first ${report.problem}`)
  return [...problems, ...(await waitUntilSettled(sidecars, before, sampleAll))]
}

/** What is left over when the time is up; earlier if nothing is. */
async function waitUntilSettled(
  sidecars: readonly SidecarPod[],
  before: readonly Sample[],
  sampleAll: (minute: number) => Promise<Sample[]>,
): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const after = await sampleAll(0)
    const left = sidecars.flatMap(({ name }, index) =>
      leftOver(name, before[index] as Sample, after[index] as Sample),
    )
    if (left.length === 0 || performance.now() > deadline) return left
    await pause(1000)
  }
}

async function startServer(lab: SidecarPods, server: SidecarPod): Promise<void> {
  const { grpc, ...others } = PORTS
  const start = async (program: string, words: readonly string[], ports: readonly number[]) => {
    const argv = [NODE_INSIDE, `${REPO_INSIDE}/${program}`, ...words, ...ports.map(String)]
    const app = spawnIn(server, argv, { uid: APP_UID })
    for (const port of ports) await waitForPort(server, port, { server: app })
  }
  await start('bench/soak/programs/server.ts', [], Object.values(others))
  await start('test/kernel/programs/grpc-server.ts', ['soaked'], [grpc])
  const ports = Object.values(PORTS).map((port) => ({ port, targetPort: port }))
  await lab.publish([{ space: 'dev', name: 'soaked', clusterIp: CLUSTER_IP, ports, pod: server }])
}

function startTraffic(client: SidecarPod, only: readonly string[]) {
  const program = `${REPO_INSIDE}/bench/soak/programs/traffic.ts`
  const argv = [NODE_INSIDE, program, CLUSTER_IP, ...Object.values(PORTS).map(String), ...only]
  const process = spawnIn(client, argv, { uid: CLIENT_UID })
  return {
    process,
    report: (): TrafficReport | null => {
      const line = process.output.stdout.trimEnd().split('\n').at(-1)
      return line ? JSON.parse(line) : null
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
