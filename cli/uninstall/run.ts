/** Carries a plan out, and looks again until nothing is left. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import {
  API_CERTIFICATE_SECRET,
  CA_CONFIG_MAP,
  CONTROLLER_CA_SECRET,
  WEBHOOK_CA_SECRET,
} from '../../core/names.ts'
import { nameOf } from '../api-resources.ts'
import { CliError } from '../command.ts'
import type { Inventory, Owned } from './inventory.ts'
import type { Plan } from './plan.ts'

/** How long (ms) is waited until all is gone, and between two looks: a namespace takes some seconds. */
const LOOK = { pauseMs: 500, longestMs: 60_000 } as const

/** Deletes step by step; each object only if it is still the one that was found. Calls back after each step. */
export async function carryOut(
  client: KubeClient,
  plan: Plan,
  onStep: (title: string, objects: readonly Owned[]) => void,
): Promise<void> {
  for (const { title, objects } of plan.steps) {
    for (const owned of objects) await remove(client, owned)
    onStep(title, objects)
  }
}

async function remove(client: KubeClient, { object, path }: Owned): Promise<void> {
  const { uid } = object.metadata
  await client.delete(path, { uid, propagation: 'Background' }).catch((error: Error) => {
    // Gone with its owner; or made anew meanwhile, and then not ours to take.
    if (error instanceof KubeError && [404, 409].includes(error.status)) return
    throw new CliError(`${nameOf(object)} could not be deleted: ${error.message}`, 1, {
      cause: error,
    })
  })
}

/** What a program that is ending may still have written back. Whatever else is new is somebody's new installation. */
function isWrittenBack({ object: { metadata } }: Owned): boolean {
  const { name = '', deletionTimestamp } = metadata
  const own = [CA_CONFIG_MAP, WEBHOOK_CA_SECRET, CONTROLLER_CA_SECRET, API_CERTIFICATE_SECRET]
  return deletionTimestamp === undefined && own.includes(name)
}

/**
 * Looks again, both ways, until nothing but what stays is left, or the time is over.
 * @returns what is left of what should have gone
 */
export async function lookAgain(
  client: KubeClient,
  look: () => Promise<Inventory>,
  plan: Plan,
  stop: AbortSignal,
): Promise<readonly Owned[]> {
  const kept = new Set(plan.kept.map(({ name }) => name))
  const end = performance.now() + LOOK.longestMs
  for (;;) {
    const left = (await look()).owned.filter(({ object }) => !kept.has(nameOf(object)))
    if (left.length === 0 || performance.now() > end) return left
    for (const owned of left.filter(isWrittenBack)) await remove(client, owned)
    await sleep(LOOK.pauseMs, undefined, { signal: stop })
  }
}

/** `Namespace azds (an API group does not answer: metrics.k8s.io)`: what an object that stays says of itself. */
export function describeLeft({ object }: Owned): string {
  const { deletionTimestamp, finalizers = [] } = object.metadata as KubeObject['metadata'] & {
    finalizers?: string[]
  }
  const conditions =
    (object as { status?: { conditions?: { type: string; status: string; message?: string }[] } })
      .status?.conditions ?? []
  const trouble = conditions.filter(({ status }) => status === 'True').map(({ message }) => message)
  const why = [
    ...(deletionTimestamp ? ['is being deleted'] : []),
    ...(finalizers.length > 0 ? [`waits for ${finalizers.join(', ')}`] : []),
    ...(object.kind === 'Namespace' ? trouble : []),
  ]
  return `${nameOf(object)}${why.length > 0 ? ` (${why.join('; ')})` : ''}`
}
