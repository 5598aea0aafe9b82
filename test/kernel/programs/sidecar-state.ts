/** What a running sidecar holds, as the kernel sees it: memory, file descriptors, sockets, CPU time. */
import { readdirSync, readFileSync } from 'node:fs'
import { PORT, PROXY_UID } from '../../../core/names.ts'
import { runOk } from '../lab.ts'
import { type TcpSocket, tcpSocketsAt } from '../tcp-table.ts'
import { eventually, type SidecarPod } from './sidecar-pods.ts'

/** The program itself, below the one that enters the namespaces. */
export function sidecarPid({ sidecar }: Pick<SidecarPod, 'sidecar'>): number {
  const { pid } = sidecar.child
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return Number(children.trim().split(' ')[0])
}

/** Resident memory, in MB (10^6 bytes). */
export function residentMb(pod: Pick<SidecarPod, 'sidecar'>): number {
  const status = readFileSync(`/proc/${sidecarPid(pod)}/status`, 'utf8')
  return (Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024) / 1e6
}

export function openFiles(pod: Pick<SidecarPod, 'sidecar'>): number {
  return readdirSync(`/proc/${sidecarPid(pod)}/fd`).length
}

/** Bytes that the kernel passed on by itself, as the sidecar counts them. */
export async function passedBytes(pod: SidecarPod): Promise<number> {
  const text = await runOk(pod, ['curl', '-sf', `http://127.0.0.1:${PORT.admin}/metrics`])
  return Number(/^azds_proxy_passed_bytes_total (\d+)$/m.exec(text)?.[1])
}

/** User and system time so far, in ms: the kernel counts in steps of 10. */
function cpuMs(pod: Pick<SidecarPod, 'sidecar'>): number {
  const stat = readFileSync(`/proc/${sidecarPid(pod)}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) * 10
}

/** How much of one processor it takes during so many ms; a machine that stands still makes them longer. */
export async function cpuShare(pod: Pick<SidecarPod, 'sidecar'>, ms: number): Promise<number> {
  const before = { cpu: cpuMs(pod), at: performance.now() }
  await new Promise((resolve) => setTimeout(resolve, ms))
  return (cpuMs(pod) - before.cpu) / (performance.now() - before.at)
}

/**
 * The connections of a pod's sidecar, and those that a process has let go while the kernel still waits
 * for the peer's FIN. Neither listeners nor TIME_WAIT, which is how TCP ends.
 */
export function sidecarSockets(pod: SidecarPod): TcpSocket[] {
  return tcpSocketsAt(pod.holder).filter(
    ({ state, uid, owned }) =>
      state !== 'LISTEN' && state !== 'TIME_WAIT' && (uid === PROXY_UID || !owned),
  )
}

/** How long connections that nobody uses may take to go, ms: 4 s of an idle upstream, on a busy machine. */
export const GONE_MS = 30_000

/** Waits until a sidecar has no more connections than `most`, and says which there are if it does not come to that. */
export async function untilSocketsAtMost(
  pod: SidecarPod,
  most: number,
  timeoutMs: number,
): Promise<void> {
  await eventually(
    () => sidecarSockets(pod).length <= most,
    timeoutMs,
    () => {
      const left = sidecarSockets(pod).map(
        ({ state, localPort, remotePort }) => `${state} ${localPort}-${remotePort}`,
      )
      return `the sidecar of ${pod.name} has ${left.length} connections, at most ${most} expected: ${left.slice(0, 40).join(', ')}`
    },
  )
}

/** The kernel's table is not read at one moment: a socket that stands behind one that goes may be passed over. */
export async function untilSocketsAtLeast(pod: SidecarPod, least: number): Promise<void> {
  await eventually(
    () => sidecarSockets(pod).length >= least,
    GONE_MS,
    () => `the sidecar of ${pod.name} has ${sidecarSockets(pod).length} connections, not ${least}`,
  )
}

/** A socket may be over in the kernel's table a moment before its process has closed it. */
export async function untilFilesAtMost(pod: SidecarPod, most: number): Promise<void> {
  await eventually(
    () => openFiles(pod) <= most,
    GONE_MS,
    () => `the sidecar of ${pod.name} has ${openFiles(pod)} open files, at most ${most} expected`,
  )
}
