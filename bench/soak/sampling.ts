/** One sample of a sidecar: what it says of itself, and what the kernel says of it. */
import { PORT } from '../../core/names.ts'
import { type Place, runOk } from '../../test/kernel/lab.ts'
import type { SidecarPod } from '../../test/kernel/programs/sidecar-pods.ts'
import { openFiles, residentMb, sidecarSockets } from '../../test/kernel/programs/sidecar-state.ts'
import type { TcpState } from '../../test/kernel/tcp-table.ts'
import type { Sample } from './judge.ts'

/** curl's own measure, in seconds; on a line of its own behind the answer. */
const TIMED = ['-w', '\\n%{time_total}']

/**
 * @param from where the question is asked: the node, so that no sidecar's client is involved
 * @param minute since traffic began
 */
export async function takeSample(pod: SidecarPod, from: Place, minute: number): Promise<Sample> {
  const url = `http://${pod.ipv4}:${PORT.admin}/metrics`
  const text = await runOk(from, ['curl', '-sf', '-m', '10', ...TIMED, url])
  const sockets = sidecarSockets(pod)
  const count = (...states: TcpState[]) =>
    sockets.filter(({ state }) => states.includes(state)).length
  return {
    minute,
    residentMb: residentMb(pod),
    heapMb: metric(text, 'nodejs_heap_size_used_bytes') / 1e6,
    externalMb: metric(text, 'nodejs_external_memory_bytes') / 1e6,
    files: openFiles(pod),
    established: count('ESTABLISHED'),
    closeWait: count('CLOSE_WAIT'),
    finWait: count('FIN_WAIT1', 'FIN_WAIT2'),
    closing: count('LAST_ACK', 'CLOSING', 'CLOSE', 'SYN_SENT', 'SYN_RECV'),
    answerMs: Number(text.slice(text.lastIndexOf('\n') + 1)) * 1000,
  }
}

/** @throws Error if the sidecar does not say it: a series that is not there must not look flat */
function metric(text: string, name: string): number {
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`the sidecar has no metric ${name}`)
  return Number(value)
}
