/**
 * Whom an Event concerns: people look at the Deployment, while a pod names its ReplicaSet. `kubectl describe`
 * finds Events by the uid, so the name alone, which could be guessed, is of no use.
 */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { Note } from '../core/kube/events.ts'
import type { KubeObject, ObjectReference } from '../core/kube/types.ts'

/** Kinds that others make, and where one is read. */
const COLLECTIONS: Readonly<Record<string, string>> = {
  ReplicaSet: '/apis/apps/v1/namespaces/NAMESPACE/replicasets',
  Job: '/apis/batch/v1/namespaces/NAMESPACE/jobs',
}
/** Owners are remembered for this many uids: those of the pods of a large cluster's last hour. */
const MAX_KNOWN = 5000

/** Completes notes: what they are about becomes its owner where it has one. Asks once for each uid. */
export function createOwnerLookup(client: KubeClient): (note: Note) => Promise<Note> {
  const known = new Map<string, ObjectReference>()
  return async (note) => {
    const { uid } = note.about
    if (uid === undefined || !COLLECTIONS[note.about.kind ?? '']) return note
    const about = known.get(uid) ?? (await ownerOrSelf(client, note.about))
    known.set(uid, about)
    const oldest = known.keys().next().value
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest)
    return { ...note, about }
  }
}

async function ownerOrSelf(client: KubeClient, about: ObjectReference): Promise<ObjectReference> {
  const { kind = '', namespace = '', name, uid } = about
  const collection = COLLECTIONS[kind]?.replace('NAMESPACE', namespace)
  try {
    const path = `${collection}/${encodeURIComponent(name ?? '')}`
    const { metadata } = await client.get<KubeObject>(path)
    const owner = metadata.ownerReferences?.find(({ controller }) => controller)
    if (metadata.uid !== uid || !owner) return about
    const { apiVersion, kind: ownerKind, name: ownerName, uid: ownerUid } = owner
    return {
      apiVersion,
      kind: ownerKind,
      namespace,
      name: ownerName,
      ...(ownerUid !== undefined && { uid: ownerUid }),
    }
  } catch (error) {
    // Not allowed, or gone: the direct owner is better than nobody.
    if (error instanceof KubeError && [403, 404].includes(error.status)) return about
    throw error
  }
}
