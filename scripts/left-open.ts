/** What keeps a process of Node's from its end, as Node itself tells it in a diagnostic report. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long Node may take to write its report, in ms: a tenth of a second, and longer where a machine stands still. */
const WRITE_MS = 10_000

/** Flags of Node for a process that is to be asked; what the file held is gone. */
export function reportInto(file: string): string[] {
  rmSync(file, { force: true })
  return [
    ...['--report-on-signal', '--report-signal=SIGUSR2', `--report-directory=${dirname(file)}`],
    ...[`--report-filename=${basename(file)}`, '--report-exclude-env', '--report-exclude-network'],
  ]
}

/**
 * Asks a process that was started with `reportInto(file)`.
 * @returns timers, sockets and whatever else is open; null if the process does not answer: it has left its event loop
 */
export async function leftOpen(child: ChildProcess, file: string): Promise<string | null> {
  child.kill('SIGUSR2')
  await sleep(WRITE_MS)
  try {
    return openHandles(JSON.parse(readFileSync(file, 'utf8')).libuv)
  } catch {
    return null
  }
}

interface Handle {
  type: string
  is_active: boolean
  is_referenced?: boolean
  localEndpoint?: Endpoint | null
  remoteEndpoint?: Endpoint | null
}

interface Endpoint {
  host: string
  port: number
}

function openHandles(handles: readonly Handle[]): string {
  const end = (point?: Endpoint | null) => (point ? `${point.host}:${point.port}` : 'nobody')
  return handles
    .filter(({ is_active, is_referenced }) => is_active && is_referenced)
    .map(({ type, localEndpoint: own, remoteEndpoint: peer }) =>
      own || peer ? `${type} ${end(own)} to ${end(peer)}` : type,
    )
    .join(', ')
}
