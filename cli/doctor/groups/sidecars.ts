/** What the sidecars themselves tell: whether they are connected, and how they resolve names. */
import { statusOf } from '../../../core/injection/status.ts'
import type { Pod } from '../../../core/kube/types.ts'
import { chainOf } from '../../../core/spaces.ts'
import type { ConnectedSidecar, Sidecar } from '../../../core/trace-resource.ts'
import { type Check, counted, failure, type Outcome, ok, skipped, warning } from '../check.ts'
import type { DoctorFacts } from '../facts.ts'

type Connected = { name: string; space: string; status: ConnectedSidecar }

/** A pod that has just started has had no time to connect. */
const GRACE_MS = 30_000

export const SIDECAR_CHECKS: readonly Check[] = [
  {
    id: 'feed-connected',
    title: 'every sidecar gets its routes from the controller',
    after: ['apiservice-available'],
    run: (facts) =>
      withSidecars(facts, async (connected) => {
        const known = new Set(connected.map(({ space, name }) => `${space}/${name}`))
        const silent: string[] = []
        let count = 0
        for (const { metadata } of await facts.spaces()) {
          for (const pod of await facts.pods(metadata.name ?? '')) {
            if (!hasRunningSidecar(pod)) continue
            const name = `${pod.metadata.namespace}/${pod.metadata.name}`
            if (known.has(name)) count += 1
            else if (ageOf(pod, facts.now()) > GRACE_MS) silent.push(name)
          }
        }
        if (silent.length === 0)
          return count > 0 ? ok(counted(count, 'pod')) : skipped('no pod has had one for long')
        return failure(
          'these are not connected: they go on with the routes that they have, and send no traces:',
          'see why: kubectl logs POD -c devspaces-proxy -n SPACE; then network-policies and ca-published here',
          silent,
        )
      }),
  },
  {
    id: 'dns-chain',
    title: 'pods find the services of their parents by name',
    after: ['apiservice-available'],
    run: (facts) =>
      withSidecars(facts, async (connected) => {
        const { spaces } = await facts.tree()
        const told = connected.filter(({ status }) => status.search !== null)
        const bad = told.flatMap(({ name, space, status }) => {
          const { parentLookup, search } = status
          if (parentLookup?.ok === false) {
            return [
              `${space}/${name}: ${parentLookup.name} is not found: ${parentLookup.message ?? 'no answer'}`,
            ]
          }
          const missing = missingDomain(search ?? [], chainOf(spaces, space).names)
          return missing ? [`${space}/${name}: its search list lacks ${missing}`] : []
        })
        if (bad.length > 0) {
          return failure(
            'names of the parents’ services do not resolve as they should:',
            'restart these pods; if it stays, see the log of devspaces-proxy-init and the pod’s dnsPolicy',
            bad,
          )
        }
        return told.length > 0 ? ok(counted(told.length, 'sidecar')) : skipped('no sidecar tells')
      }),
  },
  {
    id: 'table-age',
    title: 'every connected sidecar has a routing table',
    after: ['feed-connected'],
    run: (facts) =>
      withSidecars(facts, async (connected) => {
        const old = connected.filter(
          ({ status }) =>
            status.table === null && facts.now() - Date.parse(status.since) > GRACE_MS,
        )
        if (old.length === 0)
          return connected.length > 0 ? ok() : skipped('no sidecar is connected')
        return warning(
          'these are connected, and have got no table for more than 30 s:',
          'see the controller’s log, and whether it has CPU enough',
          old.map(({ space, name }) => `${space}/${name}`),
        )
      }),
  },
]

async function withSidecars(
  facts: DoctorFacts,
  look: (connected: Connected[]) => Promise<Outcome>,
): Promise<Outcome> {
  const sidecars = await facts.sidecars()
  if (sidecars === null) return skipped('the cluster does not serve azds.io')
  return look(sidecars.flatMap(asConnected))
}

function asConnected({ metadata: { name, namespace }, status }: Sidecar): Connected[] {
  return status.state === 'connected' ? [{ name, space: namespace, status }] : []
}

function hasRunningSidecar(pod: Pod): boolean {
  return (
    pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp && statusOf(pod) !== null
  )
}

/** For how long it has been starting or running, in ms. */
function ageOf({ status, metadata }: Pod, now: number): number {
  return now - Date.parse(String(status?.['startTime'] ?? metadata.creationTimestamp ?? ''))
}

/** The first space of the chain whose `<space>.svc.` domain is not in the list, or stands out of order. */
function missingDomain(search: readonly string[], chain: readonly string[]): string | null {
  const places = chain.map((space) =>
    search.findIndex((domain) => domain.startsWith(`${space}.svc`)),
  )
  const index = places.findIndex((place, i) => place < 0 || place < (places[i - 1] ?? -1))
  return index < 0 ? null : `${chain[index]}.svc`
}
