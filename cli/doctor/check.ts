/** What a check of `azds doctor` is, and what it may answer. */
import type { DoctorFacts } from './facts.ts'

export type Outcome =
  | { result: 'ok'; detail?: string }
  /** One sentence for the cause, one for the next step, and at most one line for each object concerned. */
  | { result: 'warning' | 'error'; cause: string; next: string; objects?: readonly string[] }
  /** Nobody can say: a right is missing (`forbidden`), or the question has failed. */
  | { result: 'unknown'; cause: string; next: string; forbidden?: true }
  /** There is nothing to look at; or (`blocked`) what it builds on has failed, which has been told already. */
  | { result: 'skipped'; cause: string; blocked?: true }

export interface Check {
  /** Stable; the anchor in docs/doctor.md. */
  id: string
  /** What holds if all is well: `the API server answers`. */
  title: string
  /** True for those that `azds install` runs, and `azds doctor --pre`: they need nothing installed. */
  pre?: true
  /** True for those that only an admin of the cluster can act on. */
  admin?: true
  /** Checks without which this one means nothing; it is skipped where one of them has failed. */
  after?: readonly string[]
  run(facts: DoctorFacts): Promise<Outcome>
}

export interface Group {
  name: string
  checks: readonly Check[]
}

/** `1 pod`, `2 pods`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export function ok(detail?: string): Outcome {
  return { result: 'ok', ...(detail !== undefined && { detail }) }
}

export function warning(cause: string, next: string, objects?: readonly string[]): Outcome {
  return { result: 'warning', cause, next, ...(objects && { objects }) }
}

export function failure(cause: string, next: string, objects?: readonly string[]): Outcome {
  return { result: 'error', cause, next, ...(objects && { objects }) }
}

export function skipped(cause: string): Outcome {
  return { result: 'skipped', cause }
}
