/** Holds what was measured against what must come out. Pure. */
import type { Goal, RowOutcome, Sample } from './row.ts'
import { median, pairedRatios, type Spread, spreadOf } from './statistics.ts'

export interface Verdict {
  goal: Goal
  /** Which of `goal.against` was the best, where there was one. */
  against: string | null
  /** The ratios, or the values where nothing is divided; null where nothing was measured. */
  spread: Spread | null
  met: boolean
}

/** Every goal of a row; a goal whose values are missing is not met. */
export function judge(goals: readonly Goal[], { samples }: RowOutcome): Verdict[] {
  return goals.map((goal) => judgeGoal(goal, samples))
}

function judgeGoal(goal: Goal, samples: RowOutcome['samples']): Verdict {
  const own = valuesOf(samples[goal.of], goal.metric)
  const against = goal.against === null ? null : bestOf(goal, samples)
  const numbers =
    goal.against === null
      ? own.filter((value) => value !== null)
      : pairedRatios(own, valuesOf(samples[against ?? ''], goal.metric))
  const spread = spreadOf(numbers)
  const met = spread !== null && reaches(goal, spread.median)
  return { goal, against, spread, met }
}

function reaches({ better, bound }: Goal, value: number): boolean {
  return better === 'higher' ? value >= bound : value <= bound
}

function bestOf({ against, metric, better }: Goal, samples: RowOutcome['samples']): string | null {
  const sign = better === 'higher' ? 1 : -1
  const ranked = (against ?? [])
    .map((name) => ({ name, value: medianOf(samples[name], metric) }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => sign * (b.value - a.value))
  return ranked[0]?.name ?? null
}

function medianOf(samples: readonly Sample[] | undefined, metric: string): number {
  return median(valuesOf(samples, metric).filter((value) => value !== null))
}

/** By round; null where the measurement is void. */
export function valuesOf(
  samples: readonly Sample[] | undefined,
  metric: string,
): (number | null)[] {
  return (samples ?? []).map((sample) => (sample.ok ? (sample.values[metric] ?? null) : null))
}

/** The problems of void measurements, each once, with the number of rounds that it cost. */
export function problemsOf(samples: readonly Sample[]): { problem: string; rounds: number }[] {
  const counts = new Map<string, number>()
  for (const sample of samples) {
    if (!sample.ok) counts.set(sample.problem, (counts.get(sample.problem) ?? 0) + 1)
  }
  return [...counts].map(([problem, rounds]) => ({ problem, rounds }))
}
