/** The sha256 of a stream, read as fast as it comes or at a limited rate. */
import { createHash } from 'node:crypto'

/**
 * 40 MB take 3.5 s, far longer than the fast end needs once the other transfers are done, also on two
 * busy cores.
 */
export const SLOW_BYTES_PER_SECOND = 12 * 1024 * 1024

/** Reads to the end; while a slow reader waits, nothing is taken from the stream. */
export async function sha256Of(stream: AsyncIterable<Buffer>, slow: boolean): Promise<string> {
  const hash = createHash('sha256')
  const start = performance.now()
  let bytes = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    bytes += chunk.length
    const dueMs = (bytes / SLOW_BYTES_PER_SECOND) * 1000 - (performance.now() - start)
    // Timers have a grain of 1 ms; waits that are too short would not limit anything.
    if (slow && dueMs > 5) await new Promise((resolve) => setTimeout(resolve, dueMs))
  }
  return hash.digest('hex')
}
