/** The tree of spaces: which namespace is a space, who its parent is, and the chain to the root. */
import { LABEL } from './names.ts'

export interface Space {
  /** The namespace's name. */
  name: string
  /** Name of the direct parent; null for a root space. */
  parent: string | null
}

/** Why a chain ends where it does. */
export type ChainProblem =
  | { code: 'parent-missing'; space: string; parent: string }
  | { code: 'cycle'; spaces: string[] }

export interface Chain {
  /** The space and its ancestors, nearest first. Never empty, never with a name twice. */
  names: string[]
  /** Set where the chain does not end at a root space; `names` then stops before the fault. */
  problem: ChainProblem | null
}

/** Reads a namespace's labels; null if it is not a space. */
export function spaceOf(
  name: string,
  labels: Readonly<Record<string, string>> | undefined,
): Space | null {
  if (labels?.[LABEL.space] !== 'true') return null
  return { name, parent: labels[LABEL.parentSpace] || null }
}

/**
 * Follows parents from `name` to the root, at any depth.
 * A missing parent or a cycle ends the chain there and is reported, never followed.
 */
export function chainOf(spaces: ReadonlyMap<string, Space>, name: string): Chain {
  const names = [name]
  let current = spaces.get(name)
  while (current?.parent) {
    const parent = spaces.get(current.parent)
    if (!parent) {
      return {
        names,
        problem: { code: 'parent-missing', space: current.name, parent: current.parent },
      }
    }
    const entry = names.indexOf(parent.name)
    if (entry >= 0) {
      // Stop before the cycle, so that no space of it is anybody's ancestor.
      return {
        names: names.slice(0, Math.max(entry, 1)),
        problem: { code: 'cycle', spaces: names.slice(entry) },
      }
    }
    names.push(parent.name)
    current = parent
  }
  return { names, problem: null }
}

/** A sentence for people about a faulty chain. */
export function describeProblem(problem: ChainProblem): string {
  if (problem.code === 'parent-missing') {
    return `space "${problem.space}" names the parent "${problem.parent}", which is not a space: label that namespace ${LABEL.space}=true or change ${LABEL.parentSpace}`
  }
  if (problem.spaces.length === 1) {
    return `space "${problem.spaces[0]}" names itself as its parent: change its label ${LABEL.parentSpace}`
  }
  return `spaces ${problem.spaces.join(' -> ')} are each other's ancestors: change ${LABEL.parentSpace} on one of them`
}

/** `dev/alice`: the chain from the root down, as people read it. */
export function displayPath(chain: Chain): string {
  return chain.names.toReversed().join('/')
}

/**
 * Whether adding or moving a space keeps the tree sound.
 * @returns null if it does, otherwise the problem that it would make
 */
export function problemOfParent(
  spaces: ReadonlyMap<string, Space>,
  candidate: Space,
): ChainProblem | null {
  return chainOf(new Map(spaces).set(candidate.name, candidate), candidate.name).problem
}
