/** Sets of ports as ranges: what `3306,8000-8010` means, and how a set is written. */

export interface PortRange {
  first: number
  last: number
}

/** The ranges of a list that `portList` has accepted. */
export function rangesOf(list: string): PortRange[] {
  const ranges: PortRange[] = []
  for (const item of list.split(',')) {
    if (item === '') continue
    const dash = item.indexOf('-')
    const first = Number(dash < 0 ? item : item.slice(0, dash))
    ranges.push({ first, last: dash < 0 ? first : Number(item.slice(dash + 1)) })
  }
  return ranges
}

export function covers(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last)
}

/** The ranges without the ports of `away`, in ascending order, overlaps and neighbours joined. */
export function without(ranges: readonly PortRange[], away: readonly PortRange[]): PortRange[] {
  let left = joined(ranges)
  for (const hole of away) {
    const hits = left.some(({ first, last }) => first <= hole.last && hole.first <= last)
    if (hits) left = left.flatMap((range) => cut(range, hole))
  }
  return left
}

/** `25,587,8000-8010`. */
export function formatRanges(ranges: readonly PortRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join()
}

export const single = (port: number): PortRange => ({ first: port, last: port })

function joined(ranges: readonly PortRange[]): PortRange[] {
  const all: PortRange[] = []
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = all.at(-1)
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last)
    else all.push({ first, last })
  }
  return all
}

function cut({ first, last }: PortRange, hole: PortRange): PortRange[] {
  if (hole.last < first || last < hole.first) return [{ first, last }]
  const parts: PortRange[] = []
  if (first < hole.first) parts.push({ first, last: hole.first - 1 })
  if (hole.last < last) parts.push({ first: hole.last + 1, last })
  return parts
}
