/** What was probably meant by a word that is not known. */

/** More than two slips in a word are no slips any more. */
export const MAX_SLIPS = 2

/** The known word with the fewest slips; null where none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const [best] = known
    .map((name) => ({ name, slips: distance(word, name) }))
    .toSorted((a, b) => a.slips - b.slips)
  return best && best.slips <= MAX_SLIPS ? best.name : null
}

/** Levenshtein distance: how many letters must be put in, taken out or changed. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
