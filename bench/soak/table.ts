/** The samples of a soak as lines of text. */
import { type Sample, SERIES } from './judge.ts'

export function headLine(): string {
  return [
    'minute'.padStart(7),
    'sidecar'.padEnd(9),
    ...SERIES.map(({ title }) => cell(title)),
  ].join(' ')
}

export function sampleLine(who: string, sample: Sample): string {
  const values = SERIES.map(({ name }) => cell(textOf(sample[name])))
  return [sample.minute.toFixed(1).padStart(7), who.padEnd(9), ...values].join(' ')
}

function textOf(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(1)
}

function cell(text: string): string {
  return text.padStart(11)
}
