/** Objects of one kind, found by their namespace without a walk over all of them. */
import { type Cached, objectKey } from '../core/kube/cache.ts'
import type { KubeObject } from '../core/kube/types.ts'

/** Looks up a namespace's objects; kept true as they change. */
export function indexByNamespace<T extends KubeObject>(
  copies: Cached<T>,
): (namespace: string) => T[] {
  const index = new Map<string, Map<string, T>>()
  const note = (key: string, namespace: string, now: T | null) => {
    const entries = index.get(namespace) ?? new Map<string, T>()
    if (now) entries.set(key, now)
    else entries.delete(key)
    if (entries.size > 0) index.set(namespace, entries)
    else index.delete(namespace)
  }
  for (const one of copies.values()) note(objectKey(one), one.metadata.namespace ?? '', one)
  copies.onChange(({ key, old, now }) => {
    note(key, (now ?? old)?.metadata.namespace ?? '', now)
  })
  return (namespace) => [...(index.get(namespace)?.values() ?? [])]
}
