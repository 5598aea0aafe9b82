/**
 * A pod and the facts in; the changed pod and its patch, a reason to leave it alone, or its faults
 * out. Pure: admission and `azds inspect` give the same answer because both call this.
 */

import { decide } from '../../core/injection/decide.ts'
import { workloadOf } from '../../core/injection/owner.ts'
import type { SkipReason } from '../../core/injection/reasons.ts'
import { STATUS_VERSION, stateOf, statusOf } from '../../core/injection/status.ts'
import type { Pod } from '../../core/kube/types.ts'
import type { DirectPorts, InjectionStatus, RewrittenProbe } from '../../core/names.ts'
import { annotationsTooLong } from './annotation-room.ts'
import { readAnnotations } from './annotations.ts'
import { buildContainer } from './build-container.ts'
import { checkBuild, NO_BUILDS } from './build-request.ts'
import { confinementIn } from './confinement.ts'
import type { EnvSource } from './env.ts'
import type { FieldError, InjectionFacts } from './facts.ts'
import { identityTaken } from './identity-volume.ts'
import { type DeclaredHttp, decideInboundPorts } from './inbound-ports.ts'
import { chooseLayout, type Layout } from './layout.ts'
import { mutate } from './mutate.ts'
import { containersTaken } from './names-taken.ts'
import { type PatchOperation, patchBetween } from './patch.ts'
import { rangesOf } from './port-ranges.ts'
import { portCollisions } from './ports.ts'
import { proxyContainer } from './proxy-container.ts'
import { proxyInitContainer } from './proxy-init-container.ts'
import { chooseProxyUid, hasUidClash } from './proxy-uid.ts'
import { repair } from './repair.ts'
import { readPod } from './shape.ts'
import { strip } from './strip.ts'
import { probedPorts, rewrittenOf, tcpProbesOf } from './tcp-probes.ts'
import { warningsFor } from './warnings.ts'

export type Injection =
  | {
      kind: 'injected'
      /** The pod as it will be; the pod that was passed in is never changed. */
      pod: Pod
      patch: PatchOperation[]
      layout: Layout
      /** True where the pod had been injected before and something of that was put right. */
      repaired: boolean
      /** Inbound ports that are not redirected; for a repaired pod what was decided when it was injected. */
      direct: DirectPorts[]
      /** Ports that would be among them, were they not declared to carry HTTP. */
      declaredHttp: DeclaredHttp[]
      /** TCP probes that ask the sidecar in place of the app's port. */
      probes: RewrittenProbe[]
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
  if (state.state === 'collision') return { kind: 'invalid', errors: containersTaken(state.found) }
  if (state.state === 'fresh') return injectFresh(pod, pod, facts)
  if (state.state === 'injected' && isAsWeMakeIt(pod, state.status))
    return repairInjected(pod, state.status, facts)
  return injectFresh(pod, strip(pod), facts)
}

/** What an older webhook has injected, and a sidecar whose uid is taken by now, are made anew. */
function isAsWeMakeIt(pod: Pod, { version }: InjectionStatus): boolean {
  return version === STATUS_VERSION && !hasUidClash(pod)
}

/** What was decided before stays: the pod's rules are made, or will be, whatever Services say by now. */
function repairInjected(pod: Pod, status: InjectionStatus, facts: InjectionFacts): Injection {
  const repaired = repair(pod, status, facts)
  const patch = patchBetween(pod, repaired)
  if (patch.length === 0) return { kind: 'skipped', reason: 'already-injected' }
  const { layout, direct = [] } = status
  const probes = statusOf(repaired)?.probes ?? []
  const found = { pod: repaired, patch, layout, direct, probes }
  return { kind: 'injected', ...found, repaired: true, declaredHttp: [], warnings: [] }
}

/** @param original as it came; @param pod without what an earlier injection has left in it */
function injectFresh(original: Pod, pod: Pod, facts: InjectionFacts): Injection {
  if (pod.spec.containers.length === 0) return { kind: 'invalid', errors: [NOTHING_ELSE] }
  const read = readAnnotations(pod, facts)
  const errors = [...(read.ok ? [] : read.errors), ...portCollisions(pod), ...identityTaken(pod)]
  const proxyUid = chooseProxyUid(pod)
  if (proxyUid === null) errors.push(NO_FREE_UID)
  if (!read.ok || proxyUid === null) return { kind: 'invalid', errors }
  const { settings } = read
  const { build } = settings
  const { build: buildImage } = facts.images
  if (build && buildImage === null) errors.push(NO_BUILDS)
  else if (build) errors.push(...checkBuild(pod, build))
  if (errors.length > 0) return { kind: 'invalid', errors }

  const layout = chooseLayout(settings.layout, facts.layout ?? 'auto', facts.kubeletVersions)
  const { direct, opaquePorts, declaredHttp } = decideInboundPorts(pod, settings, facts.services)
  const workload = workloadOf(pod)
  const open = direct.flatMap(({ ports }) => rangesOf(ports))
  const tcpProbes = tcpProbesOf(pod, layout, open)
  const probes = rewrittenOf(tcpProbes)
  const source: EnvSource = {
    ...{ facts, settings, proxyUid, opaquePorts, workload },
    confinement: confinementIn(pod),
    tcpProbes: probedPorts(probes),
  }
  const injected = mutate(pod, {
    layout,
    build: build && buildImage !== null ? buildContainer(source, build, buildImage) : null,
    proxyInit: proxyInitContainer(source),
    proxy: proxyContainer(source, layout),
    direct,
    probes: tcpProbes,
  })
  const tooLong = annotationsTooLong(original, injected)
  if (tooLong.length > 0) return { kind: 'invalid', errors: tooLong }
  const warnings = [
    ...read.warnings,
    ...warningsFor({ pod, injected, facts, layout, probes: tcpProbes }),
  ]
  // What was there before goes first, and what comes is added whole, rather than one turned into the other.
  const away = original === pod ? [] : patchBetween(original, pod)
  const patch = [...away, ...patchBetween(pod, injected)]
  const found = { pod: injected, patch, layout, direct, declaredHttp, probes, warnings }
  return { kind: 'injected', ...found, repaired: false }
}

const NOTHING_ELSE: FieldError = {
  field: 'spec.containers',
  message: 'has nothing but injected containers: add the app',
}

const NO_FREE_UID: FieldError = {
  field: 'spec.securityContext.runAsUser',
  message:
    "the pod's containers use every uid that the sidecar could run as (1337 to 1341): free one of them",
}
