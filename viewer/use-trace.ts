/** One trace as state: read when it is opened, and again while it is still growing. */
import { useEffect, useState } from 'preact/hooks'
import type { TraceRecord } from '../core/trace-record.ts'
import { fetchTrace } from './controller-client.ts'

/** Sidecars send what they have within about a second; a trace younger than this (ms) may grow. */
const YOUNG_MS = 5000
const AGAIN_MS = 1000

export interface OpenTrace {
  records: TraceRecord[] | null
  problem: string | null
}

/** @param news changes whenever a record of this trace has come */
export function useTrace(traceId: string, news: number): OpenTrace {
  const [open, setOpen] = useState<OpenTrace & { traceId: string }>({
    traceId,
    records: null,
    problem: null,
  })
  useEffect(() => {
    const stopped = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      try {
        const { records } = await fetchTrace(traceId, stopped.signal)
        setOpen({ traceId, records, problem: null })
        const end = Math.max(...records.map((record) => record.startedAt + record.durationMs))
        if (Date.now() - end < YOUNG_MS) timer = setTimeout(load, AGAIN_MS)
      } catch (error) {
        if (stopped.signal.aborted) return
        // A trace that is on the screen stays there when a later look-up fails.
        setOpen((before) => ({
          traceId,
          records: before.traceId === traceId ? before.records : null,
          problem: (error as Error).message,
        }))
      }
    }
    void load()
    return () => {
      stopped.abort()
      clearTimeout(timer)
    }
  }, [traceId, news])
  return open.traceId === traceId ? open : { records: null, problem: null }
}
