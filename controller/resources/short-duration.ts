/** A span of time as kubectl writes ages: exact to the second only while that matters. Pure. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

/**
 * Rows: below this, written as so many of the first unit, and of the second where one is named and it is not
 * zero. `85s`, `3m20s`, `45m`, `5h3m`, `30h`, `3d4h`, `45d`, `3y20d`, `9y`.
 */
const ROWS = [
  [2 * MINUTE, SECOND, 's'],
  [10 * MINUTE, MINUTE, 'm', SECOND, 's'],
  [3 * HOUR, MINUTE, 'm'],
  [8 * HOUR, HOUR, 'h', MINUTE, 'm'],
  [2 * DAY, HOUR, 'h'],
  [8 * DAY, DAY, 'd', HOUR, 'h'],
  [2 * YEAR, DAY, 'd'],
  [8 * YEAR, YEAR, 'y', DAY, 'd'],
  [Number.POSITIVE_INFINITY, YEAR, 'y'],
] as const satisfies [below: number, unit: number, name: string, rest?: number, restName?: string][]

/** @param ms less than nothing is written as `0s`: two clocks differ */
export function shortDuration(ms: number): string {
  if (!(ms > 0)) return '0s'
  const row: readonly [number, number, string, number?, string?] =
    ROWS.find(([below]) => ms < below) ?? ROWS[8]
  const [, unit, name, restUnit, restName] = row
  const whole = `${Math.floor(ms / unit)}${name}`
  const rest = restUnit ? Math.floor((ms % unit) / restUnit) : 0
  return rest > 0 ? `${whole}${rest}${restName}` : whole
}
