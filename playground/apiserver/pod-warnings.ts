/** What the API server takes in a pod's spec and warns of. */
import type { Check } from './admission-chain.ts'
import { isObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'

/** Tells of variables that are defined twice: the later one counts until somebody applies the object. */
export const podWarnings: Check = ({ operation, subresource, object, warnings }) => {
  if (operation === 'DELETE' || !object || subresource) return
  const own = object.kind === 'Pod'
  const spec = own ? object.spec : valueAt(object, ['spec', 'template', 'spec'])
  if (!isObject(spec)) return
  for (const list of ['initContainers', 'containers']) {
    for (const [i, container] of objectsOf(spec[list]).entries()) {
      const at = `${own ? 'spec' : 'spec.template.spec'}.${list}[${i}]`
      const names = objectsOf(container['env']).map(({ name }) => name)
      for (const [j, name] of names.entries()) {
        if (names.indexOf(name) === j) continue
        warnings.push(
          `${at}.env[${j}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
        )
      }
    }
  }
}
