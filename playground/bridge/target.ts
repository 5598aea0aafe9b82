/**
 * The line with which the host says what it wants of the node: one JSON object, one line, then the bytes of
 * the connection. The node answers with one line too.
 */

export type Target =
  /** A connection to an address inside the cluster. */
  | { want: 'tcp'; ip: string; port: number }
  /** A connection to a Service, whatever address it has by then. */
  | { want: 'service'; namespace: string; name: string; port: number }
  /** A command in a container; the answer is an `ExecResult`. */
  | { want: 'exec'; namespace: string; pod: string; container: string; command: string[] }

export type Reply = { ok: true; result?: unknown } | { ok: false; message: string }

/** A line longer than this (bytes) is none of ours. */
export const LINE_LIMIT = 64 * 1024

export function encodeLine(message: Target | Reply): string {
  return `${JSON.stringify(message)}\n`
}

/** Takes the first line off; null while it is not complete. Throws on a line that is too long. */
export function splitLine(received: Buffer): { line: string; rest: Buffer } | null {
  const end = received.indexOf(0x0a)
  if (end >= 0) return { line: received.toString('utf8', 0, end), rest: received.subarray(end + 1) }
  if (received.length > LINE_LIMIT) throw new Error(`no line within ${LINE_LIMIT} bytes`)
  return null
}
