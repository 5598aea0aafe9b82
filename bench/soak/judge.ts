/**
 * Whether something grows that should not. Memory goes up and down with every collection, so a line is laid
 * through all samples after the warm-up, and what it gains is compared with what is noise.
 */

/** What is sampled of a sidecar, in the order of the printed table. */
export const SERIES = [
  { name: 'residentMb', title: 'RSS MB', noise: 16, perMinute: 1 },
  { name: 'heapMb', title: 'heap MB', noise: 14, perMinute: 0.7 },
  { name: 'externalMb', title: 'buffers MB', noise: 12, perMinute: 0.5 },
  { name: 'files', title: 'files', noise: 60, perMinute: 4 },
  { name: 'established', title: 'established', noise: 60, perMinute: 4 },
  { name: 'closeWait', title: 'CLOSE_WAIT', noise: 20, perMinute: 2 },
  { name: 'finWait', title: 'FIN_WAIT', noise: 30, perMinute: 2 },
  { name: 'closing', title: 'other', noise: 20, perMinute: 2 },
  { name: 'answerMs', title: 'answer ms', noise: 100, perMinute: 5 },
] as const satisfies readonly SeriesRule[]

/**
 * `noise`: what the line may gain in a run of whatever length, for garbage and for the moment at which a
 * sample falls; measured on runs without a leak, doubled. `perMinute`: what it may gain besides, which is
 * 0.1 kB for each of the 200 connections a second: anything that forgets to free one holds more.
 */
export interface SeriesRule {
  name: string
  title: string
  noise: number
  perMinute: number
}

export type SeriesName = (typeof SERIES)[number]['name']
export type Sample = { minute: number } & Record<SeriesName, number>

/** This share of the run is not judged: caches fill and code is compiled. */
const WARM_UP_SHARE = 0.25
/** Fewer samples than these make no line. */
const LEAST_SAMPLES = 8

/**
 * The slope of the line through points, by Theil and Sen: the median of the slopes between all pairs. A
 * few samples that lie far out, as before a collection, do not move it. NaN of fewer than two points.
 */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = []
  for (const [i, [x, y]] of points.entries()) {
    for (const [laterX, laterY] of points.slice(i + 1)) {
      if (laterX !== x) slopes.push((laterY - y) / (laterX - x))
    }
  }
  slopes.sort((a, b) => a - b)
  const middle = slopes.length >> 1
  if (slopes.length % 2 === 1) return slopes[middle] as number
  return ((slopes[middle - 1] ?? Number.NaN) + (slopes[middle] ?? Number.NaN)) / 2
}

/** The samples that count, and over how many minutes they reach. */
export function judgedSamples(samples: readonly Sample[]): Sample[] {
  const last = samples.at(-1)?.minute ?? 0
  return samples.filter(({ minute }) => minute >= last * WARM_UP_SHARE)
}

/** What has grown, one sentence each; empty if all is well. */
export function growthOf(who: string, samples: readonly Sample[]): string[] {
  const judged = judgedSamples(samples)
  if (judged.length < LEAST_SAMPLES) {
    return [
      `${who}: only ${judged.length} samples after the warm-up, at least ${LEAST_SAMPLES} needed`,
    ]
  }
  const minutes = (judged.at(-1)?.minute ?? 0) - (judged[0]?.minute ?? 0)
  return SERIES.flatMap(({ name, title, noise, perMinute }) => {
    const slope = slopeOf(judged.map((sample) => [sample.minute, sample[name]]))
    const gained = slope * minutes
    const allowed = noise + perMinute * minutes
    if (gained <= allowed) return []
    const rate = `${slope.toFixed(2)} a minute`
    return [
      `${who}: ${title} grows by ${rate}, ${gained.toFixed(1)} in ${minutes.toFixed(1)} minutes; ${allowed.toFixed(1)} are allowed`,
    ]
  })
}

/** What is left over once traffic has stopped, compared with what was there before it began. */
export function leftOver(who: string, before: Sample, after: Sample): string[] {
  const sockets = ({ established, closeWait, finWait, closing }: Sample) =>
    established + closeWait + finWait + closing
  const problems: string[] = []
  // One more connection to the controller carries trace records.
  if (sockets(after) > sockets(before) + 1) {
    const { established, closeWait, finWait, closing } = after
    problems.push(
      `${who}: ${sockets(after)} connections are left, ${sockets(before)} were there before (${established} established, ${closeWait} CLOSE_WAIT, ${finWait} FIN_WAIT, ${closing} other)`,
    )
  }
  if (after.files > before.files + 3) {
    problems.push(`${who}: ${after.files} files are open, ${before.files} were before`)
  }
  return problems
}
