/** docs/benchmarks.md: the result of a full run. Pure. */
import type { Placement } from './contestant.ts'
import type { MachineFacts, Moment } from './machine.ts'
import { cellText, goalText, type RowReport, spreadText } from './report-text.ts'
import type { Goal } from './row.ts'
import { problemsOf, type Verdict } from './verdict.ts'

export interface RunReport {
  machine: MachineFacts
  started: Moment
  ended: Moment
  /** Reasons to trust the figures less. */
  doubts: string[]
  rounds: number
  seconds: number
  rows: RowReport[]
}

const PLACEMENTS: Record<Placement, string> = {
  redirect: 'behind REDIRECT',
  loopback: 'loopback',
}

export function reportMarkdown(report: RunReport): string {
  return [
    '# Benchmarks',
    '',
    '<!-- Written by a full run of `npm run bench`; do not edit. -->',
    '',
    introduction(report),
    '## Goals',
    '',
    goalTable(report.rows),
    '## Figures',
    '',
    ...report.rows.map(rowSection),
    '## Machine',
    '',
    machineList(report),
  ].join('\n')
}

function introduction({ rounds, seconds }: RunReport): string {
  return `Each row is measured side by side: all contestants run at once on one machine, and in each of
${rounds} rounds each is loaded alone for ${seconds} s, in an order that turns round from one round to the next. The
main figure is requests (or bytes) per CPU-second of the proxy: user and system time of its whole process
tree, from \`/proc\`, until it has come to rest. A cell is the median, and in brackets the least and the
greatest of the rounds; a ratio is the median of the ratios within each round. The proxy runs on one
core, and the load and the backend on the others; there the controller, which in a cluster is on another machine,
has the time that they leave. A round with an error, an answer
other than 2xx, or a request that reaches the backend without the sidecar's headers is void.

- **Behind REDIRECT**: as in a pod. The client's connections are redirected by the rules of
  \`devspaces-proxy-init\`; the proxy runs in the client's network namespace with the sidecar's uid, and the
  backend in a namespace of its own, two veths and a bridge away. The peers stand behind the same
  rules at the same port, with a fixed upstream, so that everybody pays for the redirection.
- **Loopback**: client, proxy and backend in one network namespace. HTTP goes to each proxy's own port,
  without any rule; there our proxy is the preview gateway (\`AZDS_MODE=gateway\`), which is the same engine
  and finds the service by the host instead of the original destination. Opaque TCP has no host, so
  in that row one rule redirects a loopback address, for all contestants.

Our proxy is \`dist/proxy.mjs\` in the space \`alice\`, a child of \`dev\`, with a routing table of 1,000 services
unless the row says otherwise, calling a service that only \`dev\` has: each request is routed, gets \`traceparent\`,
\`azds-hop\` and \`azds-route-as\`, and is recorded. The records go to a stand-in for the controller; how many
arrived is noted below each row, and each one is accounted for. nginx and haproxy have one worker or
thread, no logs, and keep their upstream connections; they add no header. Backend: nginx.

Where a goal is not reached, a table shows what the time goes into, for our proxy and those that it is compared with:
perf(1) samples the stacks of each once more under the same load. A system call has all that the kernel does within
it; sending takes most, because the kernel carries a packet right into the receiver’s socket, on veths as on
loopback, before the call returns. That part is the same for whoever sends. What is left is the program’s.
`
}

/** One line for each figure that has goals: what must be reached, and what is aimed for. */
function goalTable(rows: RowReport[]): string {
  const lines = rows.flatMap(({ row, placement, verdicts }) =>
    row.metrics
      .filter(({ key }) => verdicts.some(({ goal }) => goal.metric === key))
      .map(({ key, title }) => {
        const cellOf = (level: Goal['level']) =>
          verdicts
            .filter(({ goal }) => goal.metric === key && goal.level === level)
            .map(verdictCell)
            .join('; ')
        const cells = [row.title, PLACEMENTS[placement], title, cellOf('must'), cellOf('aim')]
        return `| ${cells.join(' | ')} |`
      }),
  )
  const head = '| row | where | figure | must reach | aim for |\n|---|---|---|---|---|'
  return [head, ...lines, ''].join('\n')
}

function verdictCell({ goal, spread, met }: Verdict): string {
  const missed = goal.level === 'must' ? '**falls short**' : 'not reached'
  return `${goalText(goal)}: ${spreadText(spread)}, ${met ? 'reached' : missed}`
}

function rowSection({ row, placement, outcome }: RowReport): string {
  const head = ['', ...row.metrics.map(({ title }) => title)]
  const lines = Object.entries(outcome.samples).map(([name, samples]) => [
    name,
    ...row.metrics.map((metric) => cellText(samples, metric)),
  ])
  const voids = Object.entries(outcome.samples).flatMap(([name, samples]) =>
    problemsOf(samples).map(
      ({ problem, rounds }) => `- void: ${name}, ${rounds} rounds: ${problem}`,
    ),
  )
  return [
    `### ${row.title} (${PLACEMENTS[placement]})`,
    '',
    ...(row.remark ? [row.remark, ''] : []),
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...[...voids, ...outcome.notes.map((note) => `- ${note}`)],
    '',
    ...block('Where the time goes, by samples of the stacks:', outcome.split),
    ...block('The functions of our proxy (self time, by the CPU profiler):', outcome.profile),
  ].join('\n')
}

function block(title: string, lines: readonly string[] = []): string[] {
  return lines.length === 0 ? [] : [title, '', '```', ...lines, '```', '']
}

function machineList({ machine, started, ended, doubts }: RunReport): string {
  const load = ({ load }: Moment) => load.map((value) => value.toFixed(2)).join(' ')
  const programs = Object.entries(machine.programs).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGib} GiB; ${machine.system}, Linux ${machine.kernel}`,
    `- ${programs.join(', ')}`,
    `- from ${started.at} (load ${load(started)}) to ${ended.at} (load ${load(ended)})`,
    ...doubts.map((doubt) => `- to be doubted: ${doubt}`),
    '',
  ].join('\n')
}
