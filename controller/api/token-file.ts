/** A token that the kubelet keeps fresh in a file. */
import { readFile } from 'node:fs/promises'

/** Read again after this time (ms): a token of an hour is renewed when a fifth of it is left. */
const READ_AGAIN_MS = 60_000

/**
 * Gives what the file holds; rejects with its name where it cannot be read.
 * @param now monotonic time in ms
 */
export function tokenFile(path: string, now: () => number): () => Promise<string> {
  let held: { text: string; until: number } | null = null
  return async () => {
    if (held && held.until > now()) return held.text
    const text = (await readFile(path, 'utf8')).trim()
    if (text === '') throw new Error(`${path} is empty: a projected token should be there`)
    held = { text, until: now() + READ_AGAIN_MS }
    return text
  }
}
