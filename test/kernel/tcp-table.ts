/** The sockets of a place, as the kernel's own table has them (/proc/PID/net/tcp and tcp6). */
import { readFileSync } from 'node:fs'

/** States of include/net/tcp_states.h, in their order from 1. */
const STATES = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
] as const
export type TcpState = (typeof STATES)[number]

export interface TcpSocket {
  state: TcpState
  localPort: number
  remotePort: number
  /** Of the process that has it; 0 also for what no process has any more. */
  uid: number
  /** False for what its process has closed and the kernel still brings to an end. */
  owned: boolean
}

/** Reads one table; pure. */
export function parseTcpTable(table: string): TcpSocket[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 9)
    .map(([, local = '', remote = '', state = '', , , , uid, , inode]) => ({
      state: STATES[Number.parseInt(state, 16) - 1] ?? 'CLOSE',
      localPort: Number.parseInt(local.split(':')[1] ?? '', 16),
      remotePort: Number.parseInt(remote.split(':')[1] ?? '', 16),
      uid: Number(uid),
      owned: inode !== '0',
    }))
}

/** All TCP sockets in the network namespace of a process. */
export function tcpSocketsAt(pid: number): TcpSocket[] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    parseTcpTable(readFileSync(`/proc/${pid}/net/${table}`, 'latin1')),
  )
}
