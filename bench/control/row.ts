/** A row of the control plane's benchmark: what is done, what is measured, and what must come out. */

export interface Figure {
  /** What it is, without its unit: `p99 of an admission`. */
  name: string
  value: number
  unit: string
  /** Digits after the point when it is shown. */
  digits?: number
  /** What must come out; a figure without one is told only. */
  must?: { atMost: number } | { atLeast: number }
}

export interface ControlOutcome {
  figures: Figure[]
  /** What a reader has to know besides: what was seen, and what makes the figures worth less. */
  notes: string[]
}

export interface ControlRow {
  name: string
  title: string
  /** How it is measured: whole sentences for the document. */
  how: string
  /**
   * Rejects with a sentence if it cannot be measured; leaves no process, namespace or file behind either way.
   * @param progress says what is being done, for whoever waits
   * @param stop aborted when the whole run is to end now
   */
  run(progress: (text: string) => void, stop: AbortSignal): Promise<ControlOutcome>
}

export function isMet({ value, must }: Figure): boolean {
  if (!must) return true
  // A figure that could not be taken is NaN, and meets nothing.
  return 'atMost' in must ? value <= must.atMost : value >= must.atLeast
}
