/** Takes away what an older version of the chart made, and the new one does not have. */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import { discover, nameOf, objectPath, resourceFor } from '../api-resources.ts'
import { type Owned, takeInventory } from '../uninstall/inventory.ts'
import { MANAGED_BY_LABEL, VALUES_CONFIG_MAP } from './installation.ts'

/**
 * Objects that azds made (by their label) and that are not in `objects`. Claims stay: the traces in them are the
 * team's. So do objects that other objects own, which go with those.
 */
export async function surplusObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
): Promise<Owned[]> {
  const resources = await discover(client)
  const kept = new Set(objects.map((object) => objectPath(resourceFor(resources, object), object)))
  const { owned } = await takeInventory(client, resources, { chart: [] })
  return owned.filter(
    ({ path, object: { kind, metadata } }) =>
      metadata.labels?.[MANAGED_BY_LABEL] === 'azds' &&
      !kept.has(path) &&
      kind !== 'Namespace' &&
      kind !== 'PersistentVolumeClaim' &&
      metadata.name !== VALUES_CONFIG_MAP &&
      (metadata.ownerReferences ?? []).length === 0,
  )
}

/** Deletes them, each only if it is still the same object; returns their names. */
export async function prune(
  client: KubeClient,
  surplus: readonly Owned[],
  dryRun: boolean,
): Promise<string[]> {
  for (const { path, object } of surplus) {
    await client
      .delete(path, { uid: object.metadata.uid, dryRun, propagation: 'Background' })
      .catch((error: Error) => {
        if (!(error instanceof KubeError) || ![404, 409].includes(error.status)) throw error
      })
  }
  return surplus.map(({ object }) => nameOf(object))
}
