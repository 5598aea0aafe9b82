/** Reads what wrk prints through load.lua. */

export interface WrkResult {
  requests: number
  seconds: number
  bytes: number
  p50Us: number
  p99Us: number
}

export type WrkOutput = { ok: true; result: WrkResult } | { ok: false; problem: string }

/** A run with any error, or any answer but 2xx and 3xx, is no measurement. */
export function readWrk(stdout: string): WrkOutput {
  const line = stdout.split('\n').find((each) => each.startsWith('{"requests"'))
  if (line === undefined) return { ok: false, problem: `wrk said: ${stdout.trim().slice(0, 300)}` }
  const { errors, ...result } = JSON.parse(line) as WrkResult & { errors: Record<string, number> }
  const wrong = Object.entries(errors).filter(([, count]) => count > 0)
  if (wrong.length > 0) {
    const list = wrong.map(([kind, count]) => `${count} ${kind}`).join(', ')
    return { ok: false, problem: `errors among ${result.requests} requests: ${list}` }
  }
  if (result.requests === 0) return { ok: false, problem: 'no request was answered' }
  return { ok: true, result }
}
