/** Reads what `iperf3 --json` prints. */

export type Iperf3Output =
  | { ok: true; bytes: number; seconds: number }
  | { ok: false; problem: string }

/** What was received counts: what the sender has written may still be under way. */
export function readIperf3(stdout: string): Iperf3Output {
  let report: { error?: string; end?: { sum_received?: { bytes?: number; seconds?: number } } }
  try {
    report = JSON.parse(stdout)
  } catch {
    return { ok: false, problem: `iperf3 said: ${stdout.trim().slice(0, 300)}` }
  }
  if (report.error) return { ok: false, problem: `iperf3: ${report.error}` }
  const { bytes = 0, seconds = 0 } = report.end?.sum_received ?? {}
  if (bytes === 0 || seconds === 0) return { ok: false, problem: 'iperf3 received nothing' }
  return { ok: true, bytes, seconds }
}
