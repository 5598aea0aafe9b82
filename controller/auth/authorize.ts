/**
 * Who may do what on the controller's TLS port. The first row that holds decides.
 *
 * | caller                              | feed of own pod | feed of another | every tree | own records | others' records | records of the gateway | azds.io/v1 |
 * |-------------------------------------|-----------------|-----------------|------------|-------------|-----------------|------------------------|------------|
 * | account azds-api of our namespace   | no              | no              | no         | no          | no              | no                     | yes        |
 * | account azds-gateway, bound to a pod| no              | no              | yes        | yes         | no              | yes                    | no         |
 * | any account, bound to a pod         | yes             | no              | no         | yes         | no              | no                     | no         |
 * | any account, bound to no pod        | no              | no              | no         | no          | no              | no                     | no         |
 *
 * Pure. An account counts by namespace and name, which only who may make pods there can show.
 */
import { API_SERVICE, GATEWAY_SERVICE } from '../../core/names.ts'
import type { FeedQuery } from '../../core/routing-feed.ts'
import type { TraceRecord } from '../../core/trace-record.ts'
import { type Caller, describeCaller } from './caller.ts'

/** What somebody asks to do. */
export type Deed =
  | { route: 'feed'; query: FeedQuery }
  | { route: 'records'; batch: BatchHead }
  | { route: 'api' }

/** What tells whose records a batch holds. */
export interface BatchHead {
  namespace: string
  pod: string
  records: readonly Pick<TraceRecord, 'space' | 'pod' | 'direction'>[]
}

export type Verdict = { allowed: true } | { allowed: false; message: string }

export type CallerKind = 'api' | 'gateway' | 'sidecar' | 'unbound'

/** @param systemNamespace namespace of our own control plane */
export function kindOf({ namespace, account, pod }: Caller, systemNamespace: string): CallerKind {
  const isOurs = namespace === systemNamespace
  if (isOurs && account === API_SERVICE) return 'api'
  if (pod === null) return 'unbound'
  return isOurs && account === GATEWAY_SERVICE ? 'gateway' : 'sidecar'
}

export function authorize(caller: Caller, deed: Deed, systemNamespace: string): Verdict {
  const kind = kindOf(caller, systemNamespace)
  const fault = faultOf(kind, caller, deed)
  if (fault === null) return { allowed: true }
  return { allowed: false, message: `${describeCaller(caller)} may not ${fault}` }
}

/** What it may not do, in words; null if it may. */
function faultOf(kind: CallerKind, caller: Caller, deed: Deed): string | null {
  if (deed.route === 'api') return kind === 'api' ? null : 'read what azds-api serves'
  if (kind === 'api') return 'do anything but read what it serves'
  if (kind === 'unbound') {
    return 'act as a sidecar: its token is bound to no pod; sidecars show that of a projected volume'
  }
  return deed.route === 'feed'
    ? feedFault(kind, caller, deed.query)
    : recordsFault(kind, caller, deed.batch)
}

function feedFault(kind: CallerKind, caller: Caller, query: FeedQuery): string | null {
  if (query.scope === 'all') return kind === 'gateway' ? null : 'read the feed of every tree'
  if (kind === 'gateway') return 'read the feed of one pod'
  const isOwn = query.namespace === caller.namespace && query.pod === caller.pod
  return isOwn ? null : `read the feed of pod ${query.namespace}/${query.pod}`
}

function recordsFault(kind: CallerKind, caller: Caller, batch: BatchHead): string | null {
  if (batch.namespace !== caller.namespace || batch.pod !== caller.pod) {
    return `deliver traces as pod ${batch.namespace}/${batch.pod}`
  }
  const foreign = batch.records.find(
    ({ space, pod }) => space !== caller.namespace || pod !== caller.pod,
  )
  if (foreign) return `deliver records of pod ${foreign.space}/${foreign.pod}`
  if (kind === 'gateway') return null
  return batch.records.some(({ direction }) => direction === 'gateway')
    ? 'deliver records of the gateway'
    : null
}
