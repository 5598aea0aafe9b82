/**
 * Which pods of a namespace lack the sidecar, or have one that does them no good, and why. Pure: the
 * controller's sweep and `azds` give the same answer because both call this.
 *
 * | the namespace | the pod                                            | finding                      |
 * |---------------|----------------------------------------------------|------------------------------|
 * | any           | has ended, or is being deleted                     | none                         |
 * | no space      | has a sidecar                                      | stray                        |
 * | no space      | has none                                           | none                         |
 * | space         | its native sidecar has lost its restartPolicy      | blocked                      |
 * | space         | has a sidecar                                      | none                         |
 * | space         | is left alone by `decide`                          | the reason, which is no fault |
 * | space         | is older than the space                            | before-space                 |
 * | space         | is any other                                       | missed                       |
 */
import type { Pod } from '../kube/types.ts'
import { CONTAINER, LABEL } from '../names.ts'
import { type DecisionFacts, decide, isSystemNamespace } from './decide.ts'
import { ownerOf, type PodOwner } from './owner.ts'
import { AUDIT_FAULT, type AuditFault, SKIP_REASON, type SkipReason } from './reasons.ts'
import { statusOf } from './status.ts'

export interface AuditFacts extends DecisionFacts {
  /** When the namespace became a space, in ms since 1970, as `spaceSince` tells it; null if nobody knows. */
  spaceSince: number | null
}

export type AuditReason = AuditFault | SkipReason

export interface AuditFinding {
  pod: { namespace: string; name: string; uid: string }
  /** Null for a pod that nothing would make anew. */
  owner: PodOwner | null
  reason: AuditReason
  /** False where the pod is left alone on purpose: nothing has to be done. */
  fault: boolean
  /** Version of the form in which it was injected; null if it was not. */
  sidecarVersion: string | null
}

/** In the order of the pods, at most one for each. @param pods all or some of one namespace */
export function audit(pods: Iterable<Pod>, facts: AuditFacts): AuditFinding[] {
  const found: AuditFinding[] = []
  for (const pod of pods) {
    const reason = isOver(pod) ? null : reasonOf(pod, facts)
    if (reason) found.push(findingOf(pod, reason, facts))
  }
  return found
}

/** The sentence about a finding, with what to do where something has to be done. */
export function describeFinding({ reason }: Pick<AuditFinding, 'reason'>): string {
  return isFault(reason) ? AUDIT_FAULT[reason] : SKIP_REASON[reason]
}

function findingOf(pod: Pod, reason: AuditReason, facts: AuditFacts): AuditFinding {
  const { namespace = facts.namespace.name, name = '', uid = '' } = pod.metadata
  return {
    pod: { namespace, name, uid },
    owner: ownerOf(pod),
    reason,
    fault: isFault(reason),
    sidecarVersion: statusOf(pod)?.version ?? null,
  }
}

function isFault(reason: AuditReason): reason is AuditFault {
  return reason in AUDIT_FAULT
}

function isOver({ metadata, status }: Pod): boolean {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return ended || metadata.deletionTimestamp !== undefined
}

function reasonOf(pod: Pod, facts: AuditFacts): AuditReason | null {
  const status = statusOf(pod)
  const { name, labels } = facts.namespace
  if (labels[LABEL.space] !== 'true' || isSystemNamespace(name, facts.systemNamespace))
    return status ? 'stray' : null
  if (status) return status.layout === 'native' && isStripped(pod) ? 'blocked' : null
  const decision = decide(pod, facts)
  if (!decision.inject) return decision.reason
  const created = Date.parse(pod.metadata.creationTimestamp ?? '')
  // Both are whole seconds: of the same second is taken for older, because newer ones are refused, not missed.
  return facts.spaceSince !== null && created <= facts.spaceSince ? 'before-space' : 'missed'
}

function isStripped({ spec }: Pod): boolean {
  const sidecar = spec.initContainers?.find(({ name }) => name === CONTAINER.proxy)
  return sidecar !== undefined && sidecar.restartPolicy !== 'Always'
}
