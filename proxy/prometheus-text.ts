/**
 * Counters, gauges and histograms in the text format of Prometheus (version 0.0.4). A library for it
 * brings 14 MB into every pod, most of it in Node's cluster and HTTPS modules, which it loads.
 */

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** One metric with its help and samples, as the format has it; without a line end. */
export interface Metric {
  text(): string
}

interface Named {
  name: string
  help: string
}

interface Labelled extends Named {
  /** Names of the labels; values are given in the same order. */
  labels: readonly string[]
}

/** All that Prometheus reads: each metric ends in a line end. */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics.map((metric) => `${metric.text()}\n`).join('')
}

/** A number that is asked for when Prometheus reads. */
export function gauge({ name, help }: Named, value: () => number): Metric {
  return { text: () => lines({ name, help }, 'gauge', [`${name} ${value()}`]) }
}

/** The same for each value of one label. */
export function gauges<V extends string>(
  { name, help, label, values }: Named & { label: string; values: readonly V[] },
  current: (value: V) => number,
): Metric {
  const samples = () =>
    values.map((value) => `${name}${labelsText([label], [value])} ${current(value)}`)
  return { text: () => lines({ name, help }, 'gauge', samples()) }
}

/** A count that is kept elsewhere. */
export function countOf({ name, help }: Named, value: () => number): Metric {
  return { text: () => lines({ name, help }, 'counter', [`${name} ${value()}`]) }
}

/**
 * What has been kept for one combination of label values. A tree of them by value, and not one table
 * by all values joined: the look-up is on the path of every exchange, and joining makes a new string.
 */
class Cells<T> {
  readonly #make: () => T
  readonly #root = new Map<string, unknown>()
  /** What was asked for last, which mostly is asked for again. */
  #lastValues: readonly string[] = []
  #lastCell: T | null = null

  constructor(make: () => T) {
    this.#make = make
  }

  at(values: readonly string[]): T {
    if (this.#lastCell !== null && sameValues(values, this.#lastValues)) return this.#lastCell
    this.#lastValues = values
    this.#lastCell = this.#find(values)
    return this.#lastCell
  }

  #find(values: readonly string[]): T {
    let level = this.#root
    const last = values.length - 1
    for (let index = 0; index < last; index++) {
      const value = values[index] as string
      if (!level.has(value)) level.set(value, new Map())
      level = level.get(value) as Map<string, unknown>
    }
    const value = values[last] as string
    const known = level.get(value) as T | undefined
    if (known !== undefined) return known
    const cell = this.#make()
    level.set(value, cell)
    return cell
  }

  *entries(
    level: Map<string, unknown> = this.#root,
    values: readonly string[] = [],
  ): Generator<[values: readonly string[], cell: T]> {
    for (const [value, below] of level) {
      const path = [...values, value]
      if (below instanceof Map) yield* this.entries(below, path)
      else yield [path, below as T]
    }
  }
}

function sameValues(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}

export class Counter implements Metric {
  readonly #options: Labelled
  readonly #cells = new Cells(() => ({ count: 0 }))

  constructor(options: Labelled) {
    this.#options = options
  }

  /** Counts one; a value for each label. */
  increase(...values: readonly string[]): void {
    this.#cells.at(values).count++
  }

  text(): string {
    const { name, labels } = this.#options
    const samples = [...this.#cells.entries()].map(
      ([values, { count }]) => `${name}${labelsText(labels, values)} ${count}`,
    )
    return lines(this.#options, 'counter', samples)
  }
}

interface Distribution {
  /** For each bound, and last for what is above all of them: how many fell between it and the one before. */
  counts: number[]
  sum: number
}

export class Histogram implements Metric {
  readonly #options: Labelled & { bounds: readonly number[] }
  readonly #cells: Cells<Distribution>

  /** @param options `bounds` in ascending order; a value equal to a bound counts as below it */
  constructor(options: Labelled & { bounds: readonly number[] }) {
    this.#options = options
    this.#cells = new Cells(() => ({
      counts: new Array<number>(options.bounds.length + 1).fill(0),
      sum: 0,
    }))
  }

  observe(value: number, ...values: readonly string[]): void {
    const { bounds } = this.#options
    const cell = this.#cells.at(values)
    let index = 0
    while (index < bounds.length && value > (bounds[index] as number)) index++
    cell.counts[index] = (cell.counts[index] ?? 0) + 1
    cell.sum += value
  }

  text(): string {
    const samples = [...this.#cells.entries()].flatMap((entry) => this.#samples(...entry))
    return lines(this.#options, 'histogram', samples)
  }

  #samples(values: readonly string[], { counts, sum }: Distribution): string[] {
    const { name, labels, bounds } = this.#options
    let total = 0
    const buckets = [...bounds.map(String), '+Inf'].map((bound, index) => {
      total += counts[index] ?? 0
      return `${name}_bucket${labelsText(['le', ...labels], [bound, ...values])} ${total}`
    })
    const own = labelsText(labels, values)
    return [...buckets, `${name}_sum${own} ${sum}`, `${name}_count${own} ${total}`]
  }
}

function lines(
  { name, help }: Named,
  type: 'counter' | 'gauge' | 'histogram',
  samples: readonly string[],
): string {
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...samples].join('\n')
}

function labelsText(labels: readonly string[], values: readonly string[]): string {
  if (labels.length === 0) return ''
  return `{${labels.map((label, index) => `${label}="${escapeValue(values[index] ?? '')}"`).join(',')}}`
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
