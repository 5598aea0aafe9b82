/** Order statistics of a benchmark's rounds. Medians, because a busy machine's outliers lie far out. */

export interface Spread {
  median: number
  min: number
  max: number
}

/** The value below which the share `q` (0 to 1) of the values lies, interpolated; NaN of no values. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] as number
  const above = sorted[Math.ceil(position)] as number
  return below + (above - below) * (position - Math.floor(position))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Null of no values. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * Ratios of the rounds in which both were measured: a machine that is slower for a while slows both
 * halves of a pair, so that these vary less than the values do.
 */
export function pairedRatios(
  values: readonly (number | null)[],
  others: readonly (number | null)[],
): number[] {
  return values.flatMap((value, round) => {
    const other = others[round] ?? null
    return value === null || other === null || other === 0 ? [] : [value / other]
  })
}
