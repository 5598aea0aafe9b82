/** The live list as state: the stream says that something is new, the list asks what. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { TraceQuery, TraceSummary } from '../core/controller-api.ts'
import { type Barrier, barrierOf } from './barrier.ts'
import { fetchTraces, followRecords } from './controller-client.ts'
import { appendOlder, mergeNewest, PAGE_SIZE } from './trace-page.ts'

/** Least time between two look-ups (ms): an eye follows no faster, and a busy team stays cheap. */
const REFRESH_MS = 400
/** One more look-up when it has gone quiet (ms): records of one trace come within a sender's pause. */
const SETTLE_MS = 1500

export type Connection = 'connecting' | 'live' | 'lost'

export interface TraceFeed {
  traces: TraceSummary[]
  /** Before the first answer nothing is known, which is not the same as an empty list. */
  isLoaded: boolean
  /** Whether there may be older traces than those shown. */
  hasOlder: boolean
  connection: Connection
  problem: string | null
  /** Set where there can be no list; nothing is asked again until the filter changes. */
  barrier: Barrier | null
  /** Traces that were heard of while paused. */
  waiting: number
  /** Grows with each record of the trace that is open, so that it can be read again. */
  openTraceNews: number
  loadOlder: () => void
}

/** @param openTraceId the trace whose records are counted in `openTraceNews` */
export function useTraces(
  filter: TraceQuery,
  isPaused: boolean,
  openTraceId: string | null,
): TraceFeed {
  const [traces, setTraces] = useState<TraceSummary[]>([])
  const [isLoaded, setIsLoaded] = useState(false)
  const [hasOlder, setHasOlder] = useState(false)
  const [connection, setConnection] = useState<Connection>('connecting')
  const [problem, setProblem] = useState<string | null>(null)
  const [barrier, setBarrier] = useState<Barrier | null>(null)
  const [heard, setHeard] = useState<ReadonlySet<string>>(new Set())
  const [openTraceNews, setOpenTraceNews] = useState(0)
  // Read by the stream's callbacks, which outlive a render.
  const now = useRef({ isPaused, openTraceId })
  now.current = { isPaused, openTraceId }
  const refresh = useRef(() => {})
  const filterKey = JSON.stringify(filter)

  useEffect(() => {
    const stopped = new AbortController()
    let timer: ReturnType<typeof setTimeout> | null = null
    let settle: ReturnType<typeof setTimeout> | undefined
    let isFirst = true

    // A paused list stands still at once: a look-up that was due, or under way, is made when it goes on.
    const standsStill = () => now.current.isPaused && !isFirst
    const load = async () => {
      if (standsStill()) return
      try {
        const page = await fetchTraces(filter, null, stopped.signal)
        if (standsStill()) return
        const replace = isFirst
        isFirst = false
        setTraces((shown) => (replace ? page : mergeNewest(shown, page)))
        if (replace) setHasOlder(page.length === PAGE_SIZE)
        setIsLoaded(true)
        setProblem(null)
      } catch (error) {
        if (stopped.signal.aborted) return
        const found = barrierOf(error)
        if (found) shut(found)
        else setProblem((error as Error).message)
      }
    }
    const shut = (found: Barrier) => {
      stopped.abort()
      stop()
      setTraces([])
      setHasOlder(false)
      setProblem(null)
      setBarrier(found)
    }
    const loadSoon = () => {
      if (stopped.signal.aborted || standsStill()) return
      clearTimeout(settle)
      settle = setTimeout(load, SETTLE_MS)
      if (timer) return
      timer = setTimeout(() => {
        timer = null
        void load()
      }, REFRESH_MS)
    }
    refresh.current = loadSoon
    setIsLoaded(false)
    setBarrier(null)
    setHeard(new Set())
    void load()
    const stop = followRecords(filter, {
      opened: () => {
        setConnection('live')
        loadSoon()
      },
      lost: () => setConnection('lost'),
      record: (traceId) => {
        if (traceId === now.current.openTraceId) setOpenTraceNews((count) => count + 1)
        if (now.current.isPaused) setHeard((ids) => new Set(ids).add(traceId))
        loadSoon()
      },
    })
    return () => {
      stopped.abort()
      stop()
      clearTimeout(settle)
      if (timer) clearTimeout(timer)
    }
  }, [filterKey])

  useEffect(() => {
    if (isPaused) return
    setHeard(new Set())
    refresh.current()
  }, [isPaused])

  const loadOlder = async () => {
    try {
      const page = await fetchTraces(filter, traces.at(-1) ?? null, new AbortController().signal)
      setTraces((shown) => appendOlder(shown, page))
      setHasOlder(page.length === PAGE_SIZE)
    } catch (error) {
      setProblem((error as Error).message)
    }
  }

  const waiting = heard.size
  return {
    traces,
    isLoaded,
    hasOlder,
    connection,
    problem,
    barrier,
    waiting,
    openTraceNews,
    loadOlder,
  }
}
