/**
 * A pod and the facts in; the changed pod and its patch, a reason to leave it alone, or its faults
 * out. Pure: admission and `azds inspect` give the same answer because both call this.
 */
import type { Pod } from '../../core/kube/types.ts'
import type { InjectionStatus } from '../../core/names.ts'
import { readAnnotations } from './annotations.ts'
import { buildContainer } from './build-container.ts'
import { checkBuild } from './build-request.ts'
import { decide } from './decide.ts'
import type { EnvSource } from './env.ts'
import type { FieldError, InjectionFacts } from './facts.ts'
import { chooseLayout, type Layout } from './layout.ts'
import { mutate } from './mutate.ts'
import { type PatchOperation, patchBetween } from './patch.ts'
import { portCollisions } from './ports.ts'
import { proxyContainer } from './proxy-container.ts'
import { proxyInitContainer } from './proxy-init-container.ts'
import { chooseProxyUid } from './proxy-uid.ts'
import type { SkipReason } from './reasons.ts'
import { repair } from './repair.ts'
import { readPod } from './shape.ts'
import { stateOf } from './status.ts'
import { warningsFor } from './warnings.ts'
import { workloadOf } from './workload.ts'

export type Injection =
  | {
      kind: 'injected'
      /** The pod as it will be; the pod that was passed in is never changed. */
      pod: Pod
      patch: PatchOperation[]
      layout: Layout
      /** True where the pod had been injected before and something of that was put right. */
      repaired: boolean
      warnings: string[]
    }
  | { kind: 'skipped'; reason: SkipReason }
  | { kind: 'invalid'; errors: FieldError[] }

/** Answers for any JSON value; throws for none. */
export function inject(candidate: unknown, facts: InjectionFacts): Injection {
  const shape = readPod(candidate)
  if (!shape.ok) return { kind: 'invalid', errors: shape.errors }
  const { pod } = shape
  const decision = decide(pod, facts)
  if (!decision.inject) return { kind: 'skipped', reason: decision.reason }
  const state = stateOf(pod)
  if (state.state === 'collision') return { kind: 'invalid', errors: state.errors }
  if (state.state === 'fresh') return injectFresh(pod, facts)
  return repairInjected(pod, state.status, facts)
}

function repairInjected(pod: Pod, status: InjectionStatus, facts: InjectionFacts): Injection {
  const repaired = repair(pod, status, facts)
  const patch = patchBetween(pod, repaired)
  if (patch.length === 0) return { kind: 'skipped', reason: 'already-injected' }
  const { layout } = status
  return { kind: 'injected', pod: repaired, patch, layout, repaired: true, warnings: [] }
}

function injectFresh(pod: Pod, facts: InjectionFacts): Injection {
  const read = readAnnotations(pod, facts)
  const errors = [...(read.ok ? [] : read.errors), ...portCollisions(pod)]
  const proxyUid = chooseProxyUid(pod)
  if (proxyUid === null) errors.push(NO_FREE_UID)
  if (!read.ok || proxyUid === null) return { kind: 'invalid', errors }
  const { settings } = read
  const { build } = settings
  if (build) errors.push(...checkBuild(pod, build))
  if (errors.length > 0) return { kind: 'invalid', errors }

  const layout = chooseLayout(settings.layout, facts.kubeletVersions)
  const source: EnvSource = { facts, settings, proxyUid, workload: workloadOf(pod) }
  const injected = mutate(pod, {
    layout,
    build: build && buildContainer(source, build),
    proxyInit: proxyInitContainer(source),
    proxy: proxyContainer(source, layout),
  })
  const warnings = [...read.warnings, ...warningsFor({ pod, facts, settings, layout })]
  const patch = patchBetween(pod, injected)
  return { kind: 'injected', pod: injected, patch, layout, repaired: false, warnings }
}

const NO_FREE_UID: FieldError = {
  field: 'spec.securityContext.runAsUser',
  message:
    "the pod's containers use every uid that the sidecar could run as (1337 to 1341): free one of them",
}
