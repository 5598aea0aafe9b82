/** Asks the API server whether somebody may do something, as `kubectl auth can-i` does. */
import type { KubeClient } from '../core/kube/client.ts'

/** One deed. An empty namespace is the whole cluster. */
export interface Deed {
  verb: string
  group: string
  resource: string
  namespace: string
  /** Of one object; absent: of any. */
  name?: string
}

interface Review {
  status?: { allowed?: boolean }
}

const ROOT = '/apis/authorization.k8s.io/v1'

/** @param user null: ourselves; another one takes the right to ask about others */
export async function mayDo(client: KubeClient, user: string | null, deed: Deed): Promise<boolean> {
  const kind = user === null ? 'SelfSubjectAccessReview' : 'SubjectAccessReview'
  const review = await client.create<Review>(`${ROOT}/${kind.toLowerCase()}s`, {
    apiVersion: 'authorization.k8s.io/v1',
    kind,
    spec: { resourceAttributes: deed, ...(user !== null && { user, groups: groupsOf(user) }) },
  })
  return review.status?.allowed === true
}

/** The deeds that are not allowed, in their order. */
export async function notAllowed(
  client: KubeClient,
  user: string | null,
  deeds: readonly Deed[],
): Promise<Deed[]> {
  const answers = await Promise.all(deeds.map((deed) => mayDo(client, user, deed)))
  return deeds.filter((_, index) => !answers[index])
}

/** `create, patch deployments.apps in azds`: a line for each resource, with all of its verbs. */
export function describeDeeds(deeds: readonly Deed[]): string[] {
  const verbs = new Map<string, string[]>()
  for (const { verb, group, resource, namespace, name } of deeds) {
    const what = `${resource}${group === '' ? '' : `.${group}`}${name ? `/${name}` : ''}`
    const where = namespace === '' ? '' : ` in ${namespace}`
    verbs.set(`${what}${where}`, [...(verbs.get(`${what}${where}`) ?? []), verb])
  }
  return [...verbs].map(([what, all]) => `${all.join(', ')} ${what}`)
}

/** A review is about a user and her groups; those of a service account follow from its name. */
function groupsOf(user: string): string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user) ?? []
  if (namespace === undefined) return ['system:authenticated']
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
}
