/** What an admission tells the owner of the pod, who sees neither our log nor the answer to the controller. */
import { ownerOf } from '../core/injection/owner.ts'
import { SKIP_REASON, type SkipReason } from '../core/injection/reasons.ts'
import type { Note } from '../core/kube/events.ts'
import type { ObjectReference, Pod } from '../core/kube/types.ts'
import { CONTAINER } from '../core/names.ts'
import { describeDirect } from './inject/inbound-ports.ts'
import type { Injection } from './inject/inject.ts'
import { isObject, type JsonObject } from './inject/json.ts'
import type { ReviewRequest } from './review.ts'

/**
 * Outside of spaces nobody is told anything. The API server asks about spaces only, but every pod of the cluster can
 * reach this server, and must not get Events written wherever it likes.
 */
const UNTOLD: readonly string[] = [
  'already-injected',
  'not-a-space',
  'system-namespace',
] satisfies SkipReason[]

/** Events for one admission; none for a dry run, and none for a pod that nobody owns: it has no uid yet. */
export function notesOf(request: ReviewRequest, injection: Injection): Note[] {
  const about = request.dryRun ? null : ownerIn(request)
  if (!about) return []
  if (injection.kind === 'skipped') {
    const { reason } = injection
    if (UNTOLD.includes(reason)) return []
    return [{ about, type: 'Normal', reason: 'InjectionSkipped', message: SKIP_REASON[reason] }]
  }
  if (injection.kind === 'invalid') {
    const message = injection.errors.map((error) => `${error.field}: ${error.message}`).join('; ')
    return [{ about, type: 'Warning', reason: 'InjectionRefused', message }]
  }
  const { layout, direct, repaired, warnings } = injection
  // The well-known ones are the same for all, and long.
  const ports = direct.filter(({ reason }) => reason !== 'well-known').map(describeDirect)
  const message = `pods get the container ${CONTAINER.proxy} (${layout})${ports.length > 0 ? `; ports that go straight to the app: ${ports.join(', ')}` : ''}`
  const injected = { about, type: 'Normal', reason: 'Injected', message } as const
  return [
    // A repair is the second half of an admission that was told already.
    ...(repaired ? [] : [injected]),
    ...warnings.map(
      (warning) =>
        ({ about, type: 'Warning', reason: 'InjectionWarning', message: warning }) as const,
    ),
  ]
}

function ownerIn({ object, namespace }: ReviewRequest): ObjectReference | null {
  const { metadata } = object
  // Not every pod that is refused has the form of one.
  if (!isObject(metadata) || !Array.isArray(metadata['ownerReferences'])) return null
  if (!metadata['ownerReferences'].every(isObject)) return null
  if (!metadata['ownerReferences'].every(namesOne)) return null
  const owner = ownerOf(object as unknown as Pod)
  return owner?.direct.uid === undefined ? null : { ...owner.direct, namespace }
}

/** Longest name of Kubernetes, in characters; its uids and kinds are shorter. */
const MAX_NAME = 253

/** Whether a reference can be one: admission comes before Kubernetes' own look at it, and notes are kept for a while. */
function namesOne({ apiVersion, kind, name, uid }: JsonObject): boolean {
  return [apiVersion, kind, name, uid].every(
    (text) => typeof text === 'string' && text.length <= MAX_NAME,
  )
}
