/** What the controller counts, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { FeedMessage } from '../core/routing-feed.ts'
import type { Deed } from './auth/authorize.ts'
import type { SignInOutcome } from './auth/sign-in.ts'
import type { StoreCounts } from './traces/store.ts'

/** Where gauges look when they are read. */
export interface MetricSources {
  store: () => StoreCounts
  feedReaders: () => number
  followers: () => number
  /** Pods of spaces that lack the sidecar, counted by namespace and reason. */
  uninjected: () => readonly { namespace: string; reason: string; pods: number }[]
  /** Namespaces that lack the certificates by which sidecars know us, and for how long (ms). */
  unpublished: () => readonly { namespace: string; forMs: number }[]
  /** Events that came to nothing. */
  droppedEvents: () => number
}

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(sources: MetricSources) {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('azds_controller_traces', 'Traces in the store.', () => sources.store().traces)
  gauge('azds_controller_trace_records', 'Records in the store.', () => sources.store().records)
  gauge(
    'azds_controller_trace_bytes',
    'Bytes of records in the store.',
    () => sources.store().bytes,
  )
  gauge('azds_controller_feed_readers', 'Open routing feeds.', sources.feedReaders)
  gauge('azds_controller_trace_followers', 'Open live views of traces.', sources.followers)
  gauge(
    'azds_controller_dropped_events',
    'Events that could not be written, or were too many.',
    sources.droppedEvents,
  )
  new Gauge({
    name: 'azds_controller_uninjected_pods',
    help: 'Pods of spaces that run without a sidecar, by why.',
    labelNames: ['namespace', 'reason'] as const,
    registers,
    collect() {
      this.reset()
      for (const { pods, ...labels } of sources.uninjected()) this.set(labels, pods)
    },
  })
  new Gauge({
    name: 'azds_controller_ca_unpublished_seconds',
    help: 'For how long ConfigMap azds-ca of a namespace has not been as it must be, from a minute on; a rotation of the authority waits for an hour.',
    labelNames: ['namespace'] as const,
    registers,
    collect() {
      this.reset()
      for (const { namespace, forMs } of sources.unpublished())
        this.set({ namespace }, forMs / 1000)
    },
  })
  const signIns = new Counter({
    name: 'azds_controller_sign_ins_total',
    help: 'Requests to the TLS port by route (feed, records, api) and what became of them.',
    labelNames: ['route', 'outcome'] as const,
    registers,
  })
  const certificateWrites = new Counter({
    name: 'azds_controller_ca_writes_total',
    help: 'Writes of ConfigMap azds-ca by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const expiry = certificateExpiry(registry)
  const records = new Counter({
    name: 'azds_controller_records_total',
    help: 'Trace records by what became of them: stored, repeated (sent twice), rejected (not of the form), evicted (older records that made room), lost (dropped in sidecars).',
    labelNames: ['outcome'] as const,
    registers,
  })
  const feedMessages = new Counter({
    name: 'azds_controller_feed_messages_total',
    help: 'Messages of routing feeds by type.',
    labelNames: ['type'] as const,
    registers,
  })
  const closedConnections = closedConnectionsIn(registry, 'azds_controller')
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connectionClosed: () => closedConnections.inc(),
    count: (outcome: 'stored' | 'repeated' | 'rejected' | 'evicted' | 'lost', amount: number) =>
      records.inc({ outcome }, amount),
    feedMessage: (type: FeedMessage['type']) => feedMessages.inc({ type }),
    signIn: (route: Deed['route'], outcome: SignInOutcome) => signIns.inc({ route, outcome }),
    certificateWrite: (outcome: 'applied' | 'removed' | 'failed') =>
      certificateWrites.inc({ outcome }),
    expiry,
  }
}

/** When the certificates end, under the names that the webhook has too. */
function certificateExpiry(registry: Registry) {
  const expiry = new Gauge({
    name: 'azds_certificate_expiry_timestamp_seconds',
    help: 'When a certificate ends, in seconds since 1970: the one that is served, and that of the authority.',
    labelNames: ['kind'] as const,
    registers: [registry],
  })
  return (ends: { leaf: Date; authority: Date }) => {
    expiry.set({ kind: 'leaf' }, ends.leaf.getTime() / 1000)
    expiry.set({ kind: 'authority' }, ends.authority.getTime() / 1000)
  }
}

function closedConnectionsIn(registry: Registry, program: string): Counter {
  return new Counter({
    name: `${program}_connections_closed_total`,
    help: 'Connections that were not taken, or closed, because there were too many: of the address that had most.',
    registers: [registry],
  })
}

/** What `azds-api` counts. */
export function createApiMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const answers = new Counter({
    name: 'azds_api_requests_total',
    help: 'Requests for objects of azds.io by verb, resource and status.',
    labelNames: ['verb', 'resource', 'code'] as const,
    registers: [registry],
  })
  const repairs = new Counter({
    name: 'azds_ca_bundle_repairs_total',
    help: 'How often somebody had taken our authority out of the APIService.',
    registers: [registry],
  })
  const closedConnections = closedConnectionsIn(registry, 'azds_api')
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connectionClosed: () => closedConnections.inc(),
    answer: (verb: string, resource: string, code: number) =>
      answers.inc({ verb, resource, code: String(code) }),
    repair: () => repairs.inc(),
    expiry: certificateExpiry(registry),
  }
}
