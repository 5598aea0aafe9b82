/** The page: the live list, and beside it the trace that is open. */
import { useState } from 'preact/hooks'
import { BarrierPage } from './barrier-page.tsx'
import { EmptyList } from './empty-list.tsx'
import { FilterBar } from './filter-bar.tsx'
import { TraceDetail } from './trace-detail.tsx'
import { TraceList } from './trace-list.tsx'
import { useAddress } from './use-address.ts'
import { useKeys } from './use-keys.ts'
import { useSpaces } from './use-spaces.ts'
import { type Connection, useTraces } from './use-traces.ts'

const CONNECTION: Record<Connection, string> = {
  connecting: 'connecting…',
  live: 'live',
  lost: 'controller not reached, trying again…',
}

function statusOf(connection: Connection, isPaused: boolean): string {
  return isPaused && connection === 'live' ? 'paused' : CONNECTION[connection]
}

export function App() {
  const [{ filter, traceId, hop }, navigate] = useAddress()
  const [isPaused, setIsPaused] = useState(false)
  const spaces = useSpaces()
  const feed = useTraces(filter, isPaused, traceId)
  const { traces } = feed

  const openTrace = (id: string | null) => navigate({ traceId: id, hop: null })
  const walk = (steps: number) => {
    const index = traces.findIndex((trace) => trace.traceId === traceId)
    // Nothing open: either way begins at the top.
    const next = traces[index < 0 ? 0 : index + steps]
    if (next) openTrace(next.traceId)
  }
  useKeys({
    next: () => walk(1),
    previous: () => walk(-1),
    close: () => traceId && openTrace(null),
  })

  const isEmpty = feed.isLoaded && traces.length === 0
  return (
    <div class={traceId ? 'page with-detail' : 'page'}>
      <header>
        <h1>Traces</h1>
        <FilterBar
          filter={filter}
          spaces={spaces}
          onChange={(changed) => navigate({ filter: changed })}
        />
        <button type="button" aria-pressed={isPaused} onClick={() => setIsPaused(!isPaused)}>
          {isPaused ? `Resume${feed.waiting > 0 ? ` (${feed.waiting} new)` : ''}` : 'Pause'}
        </button>
        {!feed.barrier && (
          <span class={`connection ${isPaused ? 'paused' : feed.connection}`} role="status">
            {statusOf(feed.connection, isPaused)}
          </span>
        )}
      </header>
      <main>
        <section
          class="list"
          aria-label="Requests, newest first"
          aria-busy={!feed.isLoaded && !feed.barrier}
        >
          {feed.problem && (
            <p class="problem" role="alert">
              {feed.problem}
            </p>
          )}
          {feed.barrier && (
            <BarrierPage
              barrier={feed.barrier}
              space={filter.space ?? null}
              spaces={spaces}
              onChoose={(space) => navigate({ filter: { ...filter, space } })}
            />
          )}
          {isEmpty ? (
            <EmptyList
              spaces={spaces}
              isFiltered={Object.keys(filter).length > 0}
              onClear={() => navigate({ filter: {} })}
            />
          ) : (
            !feed.barrier &&
            !(feed.problem && traces.length === 0) && (
              <TraceList traces={traces} address={{ filter, traceId, hop }} onOpen={openTrace} />
            )
          )}
          {feed.hasOlder && (
            <button type="button" class="older" onClick={feed.loadOlder}>
              Older requests
            </button>
          )}
        </section>
        {traceId && (
          <TraceDetail
            traceId={traceId}
            hop={hop}
            news={feed.openTraceNews}
            onHop={(key) => navigate({ hop: key })}
            onClose={() => openTrace(null)}
          />
        )}
      </main>
    </div>
  )
}
