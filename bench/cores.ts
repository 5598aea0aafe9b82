/** Which processor each part of a measurement runs on, so that the load never takes the proxy's time. */
import { availableParallelism } from 'node:os'

/** `proxy`: what is measured. `load`: the client, the backend and the controller. */
export type Role = 'proxy' | 'load'

/** The list of processors for a role, in the form that taskset(1) takes. */
export function coresFor(role: Role, cores: number): string {
  if (role === 'proxy' || cores < 2) return '0'
  return cores === 2 ? '1' : `1-${cores - 1}`
}

/** The command line that runs `argv` on the role's processors. */
export function pinned(role: Role, argv: readonly string[]): string[] {
  return ['taskset', '-c', coresFor(role, availableParallelism()), ...argv]
}
