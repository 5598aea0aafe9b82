/**
 * The closed list of routing reasons and what a search along the chain can find. It stands apart from
 * the decision so that the viewer can show the sentences in a browser, where Node's modules are not.
 */

/** Why a request went where it went: code and a sentence for people. */
export const ROUTE_REASON = {
  child: 'the request belongs to this child space, and its own version is ready',
  root: 'the request belongs to the root space, and its version is ready',
  'fallback-absent': 'the nearer spaces do not run this service, so an ancestor’s version answers',
  'fallback-not-ready':
    'a nearer space runs this service but no endpoint is ready, so an ancestor’s version answers',
  'none-ready': 'no space of the chain runs a ready version, so the original destination is kept',
  'no-context': 'the request names no space, so the original destination is kept',
  'other-tree': 'the named space is not in the service’s tree, so the original destination is kept',
  'not-a-space-service':
    'the destination is no service of a space, so the original destination is kept',
  'not-http': 'the bytes are not HTTP, so they pass untouched to the original destination',
  delivered: 'a sidecar has routed this request already, so it is handed to the app',
  local: 'this pod runs the version that the request belongs to, so it is handed to the app',
  'no-table': 'no routing table has come from the controller yet; DNS along the chain was asked',
} as const

export type RouteReason = keyof typeof ROUTE_REASON

/** One step of the search along the chain. */
export interface Tried {
  space: string
  outcome: 'absent' | 'no-port' | 'not-ready' | 'chosen'
}
