/** Makes or changes the objects of the control plane, stage by stage, and waits for its programs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import {
  type ApiResources,
  discover,
  getOrNull,
  nameOf,
  objectPath,
  resourceFor,
} from '../api-resources.ts'
import { CliError } from '../command.ts'
import { WEBHOOK_CONFIGURATION_PATH, type WebhookConfiguration } from './installation.ts'
import { harmless, type StagedObjects, staged } from './stages.ts'

/** Owner of the fields that azds sets. The programs own `caBundle` by names of their own. */
export const FIELD_MANAGER = 'azds'

export interface Applied {
  created: number
  changed: number
  same: number
}

export interface ApplyParts {
  client: KubeClient
  /** Asks for everything, and stores nothing. */
  dryRun: boolean
  /** Whether to wait for the programs before pods of spaces go through them. */
  wait: boolean
  /** Hears of each stage when it is done, and of each wait that has ended. */
  onDone(title: string, what: string): void
  /** What the API server warns of. */
  onWarning(text: string): void
  stop: AbortSignal
}

/** Pause between two looks (ms), and the longest wait for a program (ms): an image of 60 MB over a slow line. */
const WAIT = { pauseMs: 500, longestMs: 300_000 } as const

/**
 * Applies all objects. On a cluster without a webhook configuration that one is made harmless first, and so as it is
 * meant once the webhook is ready; so there is no moment at which pods of spaces are refused.
 */
export async function applyAll(objects: readonly KubeObject[], parts: ApplyParts): Promise<void> {
  const resources = await discover(parts.client)
  const stages = staged(objects)
  const admission = stages.findLast(({ title }) => title === 'admission')
  const isFirst =
    admission !== undefined && (await getOrNull(parts.client, WEBHOOK_CONFIGURATION_PATH)) === null
  for (const stage of stages) {
    if (stage === admission && parts.wait && !parts.dryRun) {
      // The webhook is ready only where it has found its configuration to sign into.
      if (isFirst)
        await applyStage({ ...stage, objects: stage.objects.map(harmless) }, resources, parts)
      await waitForPrograms(objects, parts)
    }
    const applied = await applyStage(stage, resources, parts)
    parts.onDone(stage.title, describe(stage.objects, applied, stage === admission && isFirst))
  }
  if (admission && parts.wait && !parts.dryRun) await waitForBundle(parts)
}

async function applyStage(
  { objects }: StagedObjects,
  resources: ApiResources,
  parts: ApplyParts,
): Promise<Applied> {
  const applied: Applied = { created: 0, changed: 0, same: 0 }
  for (const object of objects) applied[await applyOne(object, resources, parts)]++
  return applied
}

async function applyOne(
  object: KubeObject,
  resources: ApiResources,
  { client, dryRun, onWarning }: ApplyParts,
): Promise<keyof Applied> {
  const path = objectPath(resourceFor(resources, object), object)
  const before = await getOrNull<KubeObject>(client, path)
  try {
    const options = { manager: FIELD_MANAGER, force: true, dryRun, onWarning }
    const after = await client.apply<KubeObject>(path, object, options)
    if (!before) return 'created'
    return isSame(before, after) ? 'same' : 'changed'
  } catch (error) {
    // On a dry run the namespace has not been made, so nothing in it can be.
    if (dryRun && error instanceof KubeError && error.status === 404) return 'created'
    const { message } = error as Error
    throw new CliError(`${nameOf(object)} was not taken: ${message}`, 1, { cause: error })
  }
}

/** A kind with a status has a new version at each word of its status, and a generation for what is wanted of it. */
function isSame({ metadata: before }: KubeObject, { metadata: after }: KubeObject): boolean {
  if (before.resourceVersion === after.resourceVersion) return true
  if (before.generation === undefined || before.generation !== after.generation) return false
  return JSON.stringify(before.labels) === JSON.stringify(after.labels)
}

/** `azds` for one object, `3 Services` for several of a kind, and what was done. */
function describe(objects: readonly KubeObject[], applied: Applied, isFirst: boolean): string {
  const names = [...new Set(objects.map(({ metadata }) => metadata.name))]
  const what = names.length <= 4 ? names.join(', ') : `${objects.length} objects`
  // A first configuration has just been made harmless, which is no change that anybody wants to hear of.
  const { created, changed } = isFirst ? { created: objects.length, changed: 0 } : applied
  const done = [
    ...(created > 0 ? [created === objects.length ? 'created' : `${created} created`] : []),
    ...(changed > 0 ? [changed === objects.length ? 'changed' : `${changed} changed`] : []),
  ]
  return `${what} (${done.join(', ') || 'as it was'})`
}

export type Deployment = KubeObject & {
  spec: { replicas?: number }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
  }
}

/** Whether every replica of the newest template is available, and none of an older one is left. */
export function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const wanted = spec.replicas ?? 1
  const { generation = 0 } = metadata
  return (
    (status.observedGeneration ?? 0) >= generation &&
    (status.updatedReplicas ?? 0) >= wanted &&
    (status.availableReplicas ?? 0) >= wanted &&
    (status.replicas ?? 0) <= wanted
  )
}

async function waitForPrograms(objects: readonly KubeObject[], parts: ApplyParts): Promise<void> {
  const deployments = objects.filter(({ kind }) => kind === 'Deployment')
  await Promise.all(
    deployments.map(async ({ metadata: { namespace, name = '' } }) => {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`
      const found = await waitFor(
        parts,
        async () => {
          const deployment = await parts.client.get<Deployment>(path)
          return isRolledOut(deployment) ? deployment : null
        },
        () =>
          `${name} is not ready: kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=${name}`,
      )
      const wanted = found.spec.replicas ?? 1
      parts.onDone(name, `${found.status?.availableReplicas ?? 0} of ${wanted} ready`)
    }),
  )
}

/** The webhook has signed into the configuration: from here on the API server trusts it. */
async function waitForBundle(parts: ApplyParts): Promise<void> {
  await waitFor(
    parts,
    async () => {
      const live = await parts.client.get<WebhookConfiguration>(WEBHOOK_CONFIGURATION_PATH)
      return live.webhooks?.every(({ clientConfig }) => clientConfig.caBundle) ? live : null
    },
    () => 'the webhook has not put its certificate authority into its configuration: see its log',
  )
}

async function waitFor<T>(
  { stop }: ApplyParts,
  look: () => Promise<T | null>,
  tooLate: () => string,
): Promise<T> {
  const end = performance.now() + WAIT.longestMs
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (performance.now() > end) throw new CliError(tooLate())
    await sleep(WAIT.pauseMs, undefined, { signal: stop })
  }
}
