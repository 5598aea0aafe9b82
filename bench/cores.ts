/** Which processor each part of a measurement runs on, so that the load never takes the proxy's time. */
import { availableParallelism } from 'node:os'
import { type Exec, execOk } from '../core/exec.ts'

/** `proxy`: what is measured. `load`: the client, the backend and the controller. */
export type Role = 'proxy' | 'load'

/** Counted once: it becomes less for a process that keeps to some of them. */
const CORES = availableParallelism()

/** The list of processors for a role, in the form that taskset(1) takes. */
export function coresFor(role: Role, cores: number): string {
  if (role === 'proxy' || cores < 2) return '0'
  return cores === 2 ? '1' : `1-${cores - 1}`
}

/** The command line that runs `argv` on the role's processors. */
export function pinned(role: Role, argv: readonly string[]): string[] {
  return ['taskset', '-c', coresFor(role, CORES), ...argv]
}

/**
 * The command line that runs `argv` in the time that others on the same processor leave, and stops for them at once
 * (SCHED_IDLE): for what would be on another machine, and is not to hold up who measures.
 */
export function inTheGaps(argv: readonly string[]): string[] {
  return ['chrt', '--idle', '0', ...argv]
}

/**
 * Keeps this process, with the API server and all else in it, off what it measures; returns how to let it go.
 * @throws where taskset(1) is missing or may not
 */
export async function keepAside(exec: Exec): Promise<() => Promise<void>> {
  // -a: the collector's and the compiler's threads too, which are what runs longest.
  const keepTo = (list: string) => execOk(exec, 'taskset', ['-acp', list, `${process.pid}`])
  await keepTo(coresFor('load', CORES))
  return async () => {
    await keepTo(`0-${CORES - 1}`)
  }
}
