/**
 * Whether the app beside this proxy is still there: it shares the pod's network namespace, whose
 * socket table names the owner of each socket. The sidecar stays as long as the app may need it.
 */

/** States of include/net/tcp_states.h: established, SYN sent, close-wait, listening. */
const LIVE_STATES = new Set(['01', '02', '08', '0A'])

/**
 * Counts the sockets of other uids in a /proc/net/tcp table; pure. Time-wait and its like are left
 * out: they outlive their process, and the kernel shows them as root's.
 */
export function countAppSockets(table: string, proxyUid: number): number {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state = '', , , , uid = '']) => {
      return LIVE_STATES.has(state) && uid !== String(proxyUid)
    }).length
}

/** Reads both families' tables; one that does not exist (IPv6 switched off) holds nothing. */
export async function readAppSockets(proxyUid: number): Promise<number> {
  // Loaded at the end of a pod's life only, when it is needed.
  const { readFile } = process.getBuiltinModule('node:fs/promises')
  const tables = await Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map((path) =>
      readFile(path, 'latin1').catch(() => ''),
    ),
  )
  return tables.reduce((sum, table) => sum + countAppSockets(table, proxyUid), 0)
}
