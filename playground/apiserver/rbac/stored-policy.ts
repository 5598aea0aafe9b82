/** The roles and bindings of the store, kept at hand: every request asks for them. */
import type { ApiObject } from '../object.ts'
import type { Store } from '../store.ts'
import type { Binding, Policy } from './authorizer.ts'
import type { PolicyRule } from './rules.ts'

const GROUP = 'rbac.authorization.k8s.io'
const BINDINGS = `${GROUP}/rolebindings`

/** Follows the store as long as it lives. */
export function storedPolicy(store: Store): Policy {
  const clusterBindings = new Map<string, Binding>()
  const byNamespace = new Map<string, Map<string, Binding>>()
  const set = (into: Map<string, Binding>, object: ApiObject, gone: boolean) => {
    if (gone) into.delete(object.metadata.name)
    else into.set(object.metadata.name, object as unknown as Binding)
  }
  store.follow((storage, { type, object }) => {
    const gone = type === 'DELETED'
    if (storage === `${GROUP}/clusterrolebindings`) set(clusterBindings, object, gone)
    if (storage !== BINDINGS) return
    const namespace = object.metadata.namespace ?? ''
    const inside = byNamespace.get(namespace) ?? new Map<string, Binding>()
    set(inside, object, gone)
    if (inside.size > 0) byNamespace.set(namespace, inside)
    else byNamespace.delete(namespace)
  })
  const rulesIn = (role: ApiObject | undefined) =>
    role && ((role['rules'] ?? []) as readonly PolicyRule[])
  return {
    clusterRole: (name) => rulesIn(store.get(`${GROUP}/clusterroles`, undefined, name)),
    role: (namespace, name) => rulesIn(store.get(`${GROUP}/roles`, namespace, name)),
    clusterBindings: () => clusterBindings.values(),
    bindings: (namespace) => byNamespace.get(namespace)?.values() ?? [],
  }
}
