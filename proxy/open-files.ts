/**
 * Notices that the process is about to have no file descriptor left. The kernel gives out the lowest that is
 * free, so a new connection's number tells how many are in use. Beyond the limit libuv accepts and
 * closes without a word, and what we dial fails with EMFILE: only the log can say why.
 */
import { readFileSync } from 'node:fs'
import type { Log } from '../core/log.ts'

/** Descriptors that are left when it is said; the files that the end of a process needs are among them. */
const RESERVE = 32

/** Said again after so long, in ms: often enough to be seen, too seldom to fill a log. */
const AGAIN_MS = 60_000

/**
 * The limit of open files, which Node has raised to the hard limit at its start; infinite where /proc
 * does not say.
 */
export function openFilesLimit(read: () => string = readLimits): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(read())?.[1] ?? Number.POSITIVE_INFINITY)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function readLimits(): string {
  return readFileSync('/proc/self/limits', 'latin1')
}

/** @returns what is to be told the descriptor of each connection */
export function watchOpenFiles(
  limit: number,
  { log, now }: { log: Pick<Log, 'error'>; now: () => number },
): (descriptor: number) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (descriptor) => {
    if (descriptor < limit - RESERVE || now() - saidAt < AGAIN_MS) return
    saidAt = now()
    log.error(
      { descriptor, limit },
      'file descriptors are nearly used up (EMFILE): connections beyond the limit are closed or answered with 502; raise the container’s limit of open files, or look for a client that does not close',
    )
  }
}
