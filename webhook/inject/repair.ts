/**
 * Puts right what an injected pod has lost or brought along. Three things happen to such pods:
 * - Another webhook that decodes pods with API types older than 1.28 strips `restartPolicy` from our
 *   native sidecar, which would then be an init container that never ends: the pod hangs in `Init:1/n`.
 * - Another webhook puts an init container behind ours, which in the classic layout turns all traffic to
 *   a sidecar that does not run before every init container has ended: theirs would wait for ever.
 * - A pod is copied with its sidecar into another space (`kubectl get -o yaml`, a backup tool), and
 *   its sidecar would fall back along the chain of the space that it comes from.
 */
import type { Container, Pod } from '../../core/kube/types.ts'
import { CONTAINER, ENV, type InjectionStatus } from '../../core/names.ts'
import { spaceChainValue } from './env.ts'
import type { InjectionFacts } from './facts.ts'

/** The pod as it should be: equal to the one passed in if nothing is wrong. */
export function repair(pod: Pod, status: InjectionStatus, facts: InjectionFacts): Pod {
  const copy = structuredClone(pod)
  const ours = [...status.initContainers, ...status.containers]
  for (const container of [...(copy.spec.initContainers ?? []), ...copy.spec.containers]) {
    if (!ours.includes(container.name)) continue
    if (container.name === CONTAINER.proxy && status.layout === 'native')
      container.restartPolicy = 'Always'
    setChain(container, spaceChainValue(facts))
  }
  if (status.layout === 'classic') putLast(copy, CONTAINER.proxyInit)
  return copy
}

function putLast({ spec }: Pod, name: string): void {
  const isOurs = (container: Container) => container.name === name
  const all = spec.initContainers ?? []
  spec.initContainers = [...all.filter((one) => !isOurs(one)), ...all.filter(isOurs)]
}

function setChain(container: Container, chain: string): void {
  const variable = Array.isArray(container.env)
    ? container.env.find((item) => item?.name === ENV.spaceChain)
    : undefined
  if (variable) variable.value = chain
}
