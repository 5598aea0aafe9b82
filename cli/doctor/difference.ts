/** Compares what was rendered with what is there, field by field. */
import { isMap } from '../chart/functions.ts'

/**
 * The first field of `wanted` that `live` has otherwise, as a sentence; null where all are there. What `live` has besides
 * are the server's defaults and other owners' fields.
 */
export function firstDifference(wanted: unknown, live: unknown, path: string): string | null {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live) || live.length !== wanted.length) return told(path, wanted, live)
    return first(
      wanted.map((item, index) => firstDifference(item, live[index], `${path}[${index}]`)),
    )
  }
  if (isMap(wanted)) {
    if (!isMap(live)) return told(path, wanted, live)
    return first(
      Object.entries(wanted).map(([key, value]) =>
        firstDifference(value, live[key], `${path}.${key}`),
      ),
    )
  }
  return wanted === live ? null : told(path, wanted, live)
}

function first(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null
}

function told(path: string, wanted: unknown, live: unknown): string {
  const short = (value: unknown) => {
    const text = JSON.stringify(value) ?? 'nothing'
    return text.length > 80 ? `${text.slice(0, 80)}…` : text
  }
  return `${path} is ${short(live)} instead of ${short(wanted)}`
}
