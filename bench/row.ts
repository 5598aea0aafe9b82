/** A row of the benchmark: what is measured, of whom, and what must come out. */
import type { Placement } from './contestant.ts'

/** One measurement of one contestant. A measurement with an error has no values. */
export type Sample = { ok: true; values: Values } | { ok: false; problem: string }
/** By the key of a metric; a metric that a contestant does not have is missing. */
export type Values = Readonly<Record<string, number>>

export interface Metric {
  key: string
  /** Head of its column, with the unit. */
  title: string
  /** Digits after the point. */
  digits: number
}

/** What has to come out for one contestant. */
export interface Goal {
  /** `must`: less is a failure of the row. `aim`: what is hoped for. */
  level: 'must' | 'aim'
  metric: string
  of: string
  /** Contestants to be divided by, the best of them; null: the value itself counts. */
  against: readonly string[] | null
  better: 'higher' | 'lower'
  bound: number
}

/** Of a goal, which figure of which contestant is meant; the best of those in `against` is what counts. */
export type Figure = Omit<Goal, 'level' | 'bound'>

/** A figure that must be reached and a better one that is aimed for. */
export function mustAndAim(figure: Figure, must: number, aim: number): Goal[] {
  return [
    { ...figure, level: 'must', bound: must },
    { ...figure, level: 'aim', bound: aim },
  ]
}

export interface RowRun {
  placement: Placement
  settings: RunSettings
  /** Says what is being done, for whoever waits. */
  progress: (text: string) => void
}

export interface RunSettings {
  /** Paired rounds of a row. */
  rounds: number
  /** Length of one measurement. */
  seconds: number
  /** Another bundle of the proxy to measure beside the usual one; null for none. */
  baseline: string | null
  /** Null: the row is measured. Else it is to be said where the time goes, of our proxy and of these beside it. */
  profile: readonly string[] | null
}

export interface RowOutcome {
  /** By contestant, in the order of the rounds. */
  samples: Record<string, Sample[]>
  /** What was seen besides: trace counts, first connections, why a contestant is not comparable. */
  notes: string[]
  /** Where the proxy's time goes, a function a line; only of a row that was profiled. */
  profile?: string[]
  /** What the CPU time goes into, of ours and of its peers; lines of a table, of a row that was profiled. */
  split?: string[]
}

export interface Row {
  name: string
  title: string
  placements: readonly Placement[]
  /** The first is what the ratios are about. */
  metrics: readonly Metric[]
  goals: readonly Goal[]
  /** True if the row can be run under the profiler. */
  profilable: boolean
  /** What a reader of the document has to know of this row. */
  remark?: string
  run(run: RowRun): Promise<RowOutcome>
}
