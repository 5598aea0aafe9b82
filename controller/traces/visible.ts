/**
 * Which records a namespace sees. The first row that holds decides.
 *
 * | record                                                  | seen in namespace N |
 * |---------------------------------------------------------|---------------------|
 * | was recorded in N                                       | yes                 |
 * | its context is N, wherever it was recorded              | yes                 |
 * | is the gateway's, and its target is a service of N      | yes                 |
 * | any other                                               | no                  |
 *
 * The context is what a request says of itself: whoever may send `azds-route-as: alice` to a service makes
 * records that alice's readers see. Nothing of another space's own traffic is shown by that.
 */
import type { TraceRecord } from '../../core/trace-record.ts'

export function isVisibleIn(
  namespace: string,
  { space, direction, route }: Pick<TraceRecord, 'space' | 'direction' | 'route'>,
): boolean {
  if (space === namespace || route.context === namespace) return true
  return direction === 'gateway' && route.service?.space === namespace
}

/** The same rule on the columns of table `records`; takes the namespace three times. */
export const VISIBLE_SQL =
  "(space = ? OR context = ? OR (direction = 'gateway' AND target_space = ?))"

export function visibleValues(namespace: string): [string, string, string] {
  return [namespace, namespace, namespace]
}
