/** Asks the API server what a user may do (SubjectAccessReview of authorization.k8s.io/v1). */
import type { KubeClient } from '../../core/kube/client.ts'
import { AnswerCache, TooManyQuestions } from '../auth/cache.ts'
import type { UserInfo } from '../auth/caller.ts'
import type { ResourceAttributes } from './request.ts'

/** `unknown`: nobody could be asked. */
export type Access =
  | { outcome: 'allowed' }
  | { outcome: 'denied'; reason: string }
  | { outcome: 'unknown' }

export type Attributes = { resource: ResourceAttributes } | { path: string; verb: string }
export type ReviewAccess = (user: UserInfo, attributes: Attributes) => Promise<Access>

const PATH = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
/** How long an answer holds (ms): what Kubernetes' own delegating servers take. A withdrawn right ends then. */
const HOLDS_MS = 10_000
/** Users times namespaces that they look at within that time; some 300 bytes each. */
const MAX_ANSWERS = 5000
const IN_FLIGHT = 20
/** More wait than a team of hundreds makes at once. */
const WAITING = 1000

interface SubjectAccessReview {
  status?: { allowed?: boolean; denied?: boolean; reason?: string }
}

/** @param now monotonic time in ms */
export function createAccessReview(
  client: Pick<KubeClient, 'create'>,
  now: () => number,
  onError: (error: Error) => void,
): ReviewAccess {
  const answers = new AnswerCache<Access>({
    max: MAX_ANSWERS,
    inFlight: IN_FLIGHT,
    waiting: WAITING,
    now,
  })
  return async ({ username, uid, groups = [], extra = {} }, attributes) => {
    const spec = {
      user: username ?? '',
      groups,
      ...(uid !== undefined && { uid }),
      extra,
      ...('resource' in attributes
        ? { resourceAttributes: attributes.resource }
        : { nonResourceAttributes: attributes }),
    }
    try {
      return await answers.get(JSON.stringify(spec), async () => {
        const { status } = await client.create<SubjectAccessReview>(PATH, {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec,
        })
        const isAllowed = status?.allowed === true && status.denied !== true
        const value: Access = isAllowed
          ? { outcome: 'allowed' }
          : { outcome: 'denied', reason: status?.reason ?? '' }
        return { value, holdsMs: HOLDS_MS }
      })
    } catch (error) {
      if (!(error instanceof TooManyQuestions)) onError(error as Error)
      return { outcome: 'unknown' }
    }
  }
}
