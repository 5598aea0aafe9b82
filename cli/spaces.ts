/** Spaces as the cluster's namespaces tell them, and the names that a space may have. */

import { isSystemNamespace } from '../core/injection/decide.ts'
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { Namespace } from '../core/kube/types.ts'
import { LABEL, PART_OF, PART_OF_LABEL, SYSTEM_NAMESPACE } from '../core/names.ts'
import {
  type Chain,
  chainOf,
  describeProblem,
  displayPath,
  type Space,
  spaceOf,
} from '../core/spaces.ts'
import { CliError, usageError } from './command.ts'

export const NAMESPACES = '/api/v1/namespaces'

/** All namespaces, and those that are spaces, by name. */
export interface SpaceTree {
  namespaces: ReadonlyMap<string, Namespace>
  spaces: ReadonlyMap<string, Space>
}

export async function readSpaces(client: KubeClient): Promise<SpaceTree> {
  const { items } = await client.get<{ items: Namespace[] }>(NAMESPACES)
  const namespaces = new Map<string, Namespace>()
  const spaces = new Map<string, Space>()
  for (const namespace of items) {
    const { name = '', labels } = namespace.metadata
    namespaces.set(name, namespace)
    const space = spaceOf(name, labels)
    if (space) spaces.set(name, space)
  }
  return { namespaces, spaces }
}

/** `[parent/]name` as it is typed; all segments but the last are the path of the parent. */
export interface SpacePath {
  name: string
  /** From the root down; empty where only a name was given. */
  parents: string[]
}

/** Reads the path of a new space; throws a usage error that says which rule its name breaks. */
export function parseSpacePath(text: string): SpacePath {
  const parents = text.split('/')
  const name = parents.pop() ?? ''
  const fault = faultOfName(name)
  if (fault) throw usageError(`space name "${name}" ${fault}`)
  // A parent exists already, and kubectl lets namespaces have names that we would not give.
  if (parents.includes('')) throw usageError(`space "${text}" has an empty name before a "/"`)
  return { name, parents }
}

/** Why a name is no name for a space; null if it is one. */
export function faultOfName(name: string): string | null {
  if (name.length < 3 || name.length > 63) return 'has to have 3 to 63 characters'
  if (!/^[a-z0-9-]+$/.test(name)) return 'may have lower-case letters, digits and "-" only'
  if (!/^[a-z0-9].*[a-z0-9]$/.test(name)) return 'has to start and end with a letter or digit'
  if (!/[a-z]/.test(name)) return 'has to have at least one letter'
  return null
}

/** The name that was given as an argument or as a flag; throws where the two differ. */
export function oneName(argument: string | undefined, flag: string | undefined) {
  if (argument !== undefined && flag !== undefined && argument !== flag) {
    throw usageError(`two names were given, "${argument}" and "${flag}": leave one out`)
  }
  return argument ?? flag
}

/** Refuses the namespaces that belong to the cluster and to us: ours is told by its label, wherever it is. */
export function refuseSystem(name: string, { namespaces }: Pick<SpaceTree, 'namespaces'>): void {
  const labels = namespaces.get(name)?.metadata.labels
  const isOurs = name === SYSTEM_NAMESPACE || labels?.[PART_OF_LABEL] === PART_OF
  if (!isOurs && !isSystemNamespace(name, SYSTEM_NAMESPACE)) return
  const whose = isOurs ? 'the control plane of spaces' : 'the cluster itself'
  throw new CliError(
    `namespace "${name}" belongs to ${whose} and cannot be a space: choose another name`,
  )
}

/** Throws unless the typed path is where the space really is. */
export function checkPath(path: SpacePath, chain: Chain): void {
  if (path.parents.length === 0) return
  const typed = [...path.parents, path.name].join('/')
  // The nearest parents are enough: `alice/feature` for `dev/alice/feature`.
  if (`/${displayPath(chain)}`.endsWith(`/${typed}`)) return
  throw new CliError(
    `space "${path.name}" is ${displayPath(chain)}, not ${typed}; see \`azds space list\``,
  )
}

/** The chain of a space that commands are to work with; throws where it is faulty. */
export function soundChain(spaces: ReadonlyMap<string, Space>, name: string): Chain {
  const chain = chainOf(spaces, name)
  if (chain.problem) throw new CliError(describeProblem(chain.problem))
  return chain
}

const noSpace = (name: string): string =>
  `namespace "${name}" exists but is not a space: make it one with \`azds space create ${name}\``

/** Throws with the next step where `name` is no space. */
export function requireSpace({ namespaces, spaces }: SpaceTree, name: string): Space {
  const space = spaces.get(name)
  if (space) return space
  if (namespaces.has(name)) {
    throw new CliError(noSpace(name))
  }
  const known = [...spaces.keys()].sort().join(', ') || 'none'
  throw new CliError(`space "${name}" does not exist; there are: ${known}`)
}

/**
 * Throws where the namespace of this name is surely none, or no space: a mistyped name would only find nothing.
 * Whoever may not look is not stopped; the command's own question tells what stands in the way.
 */
export async function refuseNoSpace(client: KubeClient, name: string): Promise<void> {
  const found = await client
    .get<Namespace>(`${NAMESPACES}/${encodeURIComponent(name)}`)
    .catch((error: Error) =>
      error instanceof KubeError && error.status === 404 ? null : undefined,
    )
  if (found === null) {
    throw new CliError(
      `space "${name}" does not exist; \`azds space list\` lists those that there are`,
    )
  }
  if (found && !spaceOf(name, found.metadata.labels)) throw new CliError(noSpace(name))
}

/** Labels of a space; null takes a label away in a merge patch. */
export function spaceLabels(parent: string | null): Record<string, string | null> {
  return { [LABEL.space]: 'true', [LABEL.parentSpace]: parent }
}

/**
 * Turns "forbidden" into a sentence about the right that is missing.
 * @param role the ClusterRole that has this right; without it the cluster's admin is named
 */
export async function allowed<T>(what: string, call: Promise<T>, role?: string): Promise<T> {
  return call.catch((error: Error) => {
    if (!(error instanceof KubeError) || error.status !== 403) throw error
    const sentence = error.message.replace(/^[A-Z]+ \S+: /, '')
    const next = role ? ` for a binding of the ClusterRole ${role}` : ''
    throw new CliError(`you may not ${what}: ${sentence}; ask the cluster’s admin${next}`, 1, {
      cause: error,
    })
  })
}

/** The cluster's spaces for somebody who may see them. */
export function allowedSpaces(client: KubeClient): Promise<SpaceTree> {
  return allowed('list namespaces', readSpaces(client), 'azds-spaces')
}
