/** Reads what h2load prints, and its log of single requests. */

export type H2loadOutput =
  | { ok: true; requests: number; seconds: number }
  | { ok: false; problem: string }

/** A run in which any request failed, or was answered with anything but 2xx, is no measurement. */
export function readH2load(stdout: string): H2loadOutput {
  const seconds = secondsOf(/^finished in (\S+),/m.exec(stdout)?.[1] ?? '')
  const line = /^requests: (.*)$/m.exec(stdout)?.[1]
  const statuses = /^status codes: (.*)$/m.exec(stdout)?.[1]
  if (!line || !statuses || Number.isNaN(seconds)) {
    return { ok: false, problem: `h2load said: ${stdout.trim().slice(-300)}` }
  }
  const requests = countsIn(line)
  const codes = countsIn(statuses)
  const wrong = [
    ...['failed', 'errored', 'timeout'].map((kind) => ({ kind, count: requests.get(kind) ?? 0 })),
    ...['3xx', '4xx', '5xx'].map((kind) => ({ kind, count: codes.get(kind) ?? 0 })),
  ].filter(({ count }) => count > 0)
  const succeeded = requests.get('succeeded') ?? 0
  if (wrong.length > 0) {
    const list = wrong.map(({ kind, count }) => `${count} ${kind}`).join(', ')
    return {
      ok: false,
      problem: `not all of ${requests.get('done') ?? 0} requests succeeded: ${list}`,
    }
  }
  if (succeeded === 0) return { ok: false, problem: 'no request succeeded' }
  return { ok: true, requests: succeeded, seconds }
}

/** `999.83ms`, `2.00s`: h2load chooses the unit by size. */
function secondsOf(text: string): number {
  const [, digits, unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? []
  return Number(digits) * ({ us: 1e-6, ms: 1e-3, s: 1 }[unit] ?? Number.NaN)
}

/** `3000 total, 2 failed` as a map. */
function countsIn(line: string): Map<string, number> {
  return new Map(
    [...line.matchAll(/(\d+) (\w+)/g)].map(([, count, kind]) => [kind as string, Number(count)]),
  )
}

/**
 * Latencies in microseconds of a log whose clients send at a fixed pace, one request every
 * `intervalUs`. A request that takes longer holds up those that its client had planned meanwhile:
 * each of them would have waited for the rest of that time, and is added (else the worst moments
 * would count once instead of as often as they hurt). Null where a line is no answer with 2xx.
 */
export function readPacedLog(log: string, intervalUs: number): number[] | null {
  const latencies: number[] = []
  for (const line of log.split('\n')) {
    if (line === '') continue
    const [, status, micros] = line.split('\t').map(Number)
    if (status === undefined || micros === undefined || status < 200 || status > 299) return null
    for (let waited = micros; waited > 0; waited -= intervalUs) latencies.push(waited)
  }
  return latencies
}
