/** The Services of each namespace, for the ports that they lead to: no more of them is kept. */
import { type Cached, objectKey } from '../core/kube/cache.ts'
import type { Service } from '../core/kube/types.ts'

/**
 * What the injection reads of a Service, some 300 bytes. All namespaces' are kept, because a namespace
 * may become a space at any moment, and the pod that comes next must find its Services known.
 */
export function keptOfService({ metadata, spec }: Service): Service {
  const { name, namespace, resourceVersion } = metadata
  const { type, selector, ports } = spec
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {
      ...(type !== undefined && { type }),
      ...(selector !== undefined && { selector }),
      ...(ports !== undefined && { ports }),
    },
  }
}

/** Looks up a namespace's Services; kept true as they change. */
export function indexServices(services: Cached<Service>): (namespace: string) => Service[] {
  const index = new Map<string, Map<string, Service>>()
  const note = (key: string, namespace: string, now: Service | null) => {
    const entries = index.get(namespace) ?? new Map<string, Service>()
    if (now) entries.set(key, now)
    else entries.delete(key)
    if (entries.size > 0) index.set(namespace, entries)
    else index.delete(namespace)
  }
  for (const one of services.values()) note(objectKey(one), one.metadata.namespace ?? '', one)
  services.onChange(({ key, old, now }) => {
    note(key, (now ?? old)?.metadata.namespace ?? '', now)
  })
  return (namespace) => [...(index.get(namespace)?.values() ?? [])]
}
