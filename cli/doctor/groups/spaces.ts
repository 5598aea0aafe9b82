/** Whether the spaces themselves are sound, and what in them stands against sidecars. */
import type { AuditFault } from '../../../core/injection/reasons.ts'
import { AUDIT_FAULT } from '../../../core/injection/reasons.ts'
import type { KubeObject, Namespace, ResourceQuota } from '../../../core/kube/types.ts'
import { chainOf, describeProblem } from '../../../core/spaces.ts'
import { amountOf } from '../../../webhook/inject/quantity.ts'
import { byWorkload } from '../../space-audit.ts'
import { type Check, counted, failure, type Outcome, ok, skipped, warning } from '../check.ts'
import type { DoctorFacts } from '../facts.ts'

export const SPACE_CHECKS: readonly Check[] = [
  {
    id: 'chain-sound',
    title: 'every space’s parents are there',
    after: ['api-reachable'],
    async run({ tree }) {
      const { spaces } = await tree()
      if (spaces.size === 0) return skipped('there is no space yet: azds use')
      const problems = [...spaces.keys()].flatMap((name) => {
        const { problem } = chainOf(spaces, name)
        return problem ? [describeProblem(problem)] : []
      })
      if (problems.length === 0) return ok(counted(spaces.size, 'space'))
      return failure(
        'requests that no space answers get no further there:',
        'each line says what to change',
        [...new Set(problems)],
      )
    },
  },
  {
    id: 'uninjected-pods',
    title: 'every pod of a space that should have a sidecar has one',
    after: ['api-reachable'],
    async run(facts) {
      const found = (await facts.audits()).filter(({ reason }) =>
        ['missed', 'before-space'].includes(reason),
      )
      if (found.length === 0) return ok()
      return warning(
        `sidecars are missing in ${counted(found.length, 'pod')}, which came before the space did, or while no webhook answered`,
        'azds space heal restarts their workloads',
        byWorkload(found),
      )
    },
  },
  {
    id: 'stray-sidecars',
    title: 'no pod has a sidecar outside of a space',
    after: ['api-reachable'],
    async run(facts) {
      const found = await facts.strays()
      if (found.length === 0) return ok()
      return warning(
        `${counted(found.length, 'pod')} with a sidecar in namespaces that are no spaces any more`,
        'kubectl rollout restart takes it out: kubectl rollout restart deployment -n NAMESPACE',
        byWorkload(found),
      )
    },
  },
  {
    id: 'blocked-init',
    title: 'no pod hangs in its init containers because of a sidecar',
    after: ['api-reachable'],
    run: (facts) => fault(facts, 'blocked', 'azds space heal restarts their workloads'),
  },
  {
    id: 'pod-security',
    title: 'the Pod Security levels of the spaces allow the sidecar’s init container',
    after: ['api-reachable'],
    async run({ spaces }) {
      const level = ({ metadata }: Namespace) =>
        metadata.labels?.['pod-security.kubernetes.io/enforce'] ?? 'privileged'
      const strict = (await spaces()).filter((namespace) => level(namespace) !== 'privileged')
      if (strict.length === 0) return ok()
      return failure(
        'it needs the capability NET_ADMIN, which these levels forbid, so that pods of these spaces are refused:',
        'kubectl label namespace SPACE pod-security.kubernetes.io/enforce=privileged --overwrite; warn and audit may stay',
        strict.map((namespace) => `${namespace.metadata.name}: ${level(namespace)}`),
      )
    },
  },
  {
    id: 'quota',
    title: 'the quotas of the spaces have room',
    after: ['api-reachable'],
    async run({ client, spaces }) {
      const full: string[] = []
      for (const { metadata } of await spaces()) {
        const path = `/api/v1/namespaces/${metadata.name}/resourcequotas`
        const { items } = await client.get<{ items: ResourceQuota[] }>(path)
        for (const quota of items)
          full.push(...usedUp(quota).map((what) => `${metadata.name}: ${what}`))
      }
      if (full.length === 0) return ok()
      return warning(
        'what follows is used up, so that no further pod with a sidecar gets in:',
        'raise the quota, or give sidecars less with the annotation azds.io/proxy-resources',
        full,
      )
    },
  },
  {
    id: 'other-meshes',
    title: 'no other mesh injects into the spaces',
    after: ['api-reachable'],
    async run({ spaces }) {
      const meshes = (await spaces()).flatMap(({ metadata: { name, labels, annotations } }) => {
        const found = meshOf({ ...annotations, ...labels })
        return found ? [`${name}: ${found}`] : []
      })
      if (meshes.length === 0) return ok()
      return warning(
        'pods there get another sidecar too, and two would redirect to each other, so that azds leaves such pods alone:',
        'take that mesh’s label off the space, or make another namespace the space',
        meshes,
      )
    },
  },
  {
    id: 'network-policies',
    title: 'no policy keeps sidecars from DNS and from the controller',
    after: ['api-reachable'],
    async run({ client, spaces, target, installation }) {
      const system = (await installation().catch(() => null))?.namespace ?? target
      const closed: string[] = []
      for (const { metadata } of await spaces()) {
        const path = `/apis/networking.k8s.io/v1/namespaces/${metadata.name}/networkpolicies`
        const { items } = await client.get<{ items: NetworkPolicy[] }>(path)
        const egress = items.filter(({ spec }) => spec?.policyTypes?.includes('Egress'))
        const isOpen = egress.some(({ spec }) =>
          (spec?.egress ?? []).some((rule) => reaches(rule, system)),
        )
        if (egress.length > 0 && !isOpen) {
          closed.push(
            `${metadata.name}: ${egress.map((policy) => policy.metadata.name).join(', ')}`,
          )
        }
      }
      if (closed.length === 0) return ok()
      return warning(
        `policies limit what leaves these spaces, and none allows the controller in namespace ${system}:`,
        `allow egress to port 8443 of namespace ${system} and to port 53 of kube-system; deploy/README.md has the policy`,
        closed,
      )
    },
  },
]

async function fault(facts: DoctorFacts, code: AuditFault, next: string): Promise<Outcome> {
  const found = (await facts.audits()).filter(({ reason }) => reason === code)
  if (found.length === 0) return ok()
  return failure(`${counted(found.length, 'pod')}: ${AUDIT_FAULT[code]}`, next, byWorkload(found))
}

/** Resources of which nothing is left, as `name: requests.cpu 4 of 4`. */
function usedUp({ metadata, spec, status }: ResourceQuota): string[] {
  const hard = status?.hard ?? spec?.hard ?? {}
  return Object.entries(hard).flatMap(([key, most]) => {
    const used = status?.used?.[key] ?? '0'
    const [all, taken] = [amountOf(most), amountOf(used)]
    // Quotas of other things than pods do not keep a sidecar out.
    const counts = /^(pods|count\/pods|(requests\.|limits\.)?(cpu|memory|ephemeral-storage))$/.test(
      key,
    )
    return counts && all !== null && taken !== null && taken >= all
      ? [`${metadata.name}: ${key} ${used} of ${most}`]
      : []
  })
}

/** What other meshes mark a namespace with. */
function meshOf(marks: Readonly<Record<string, string>>): string | null {
  if (marks['istio-injection'] === 'enabled') return 'istio-injection=enabled'
  if (marks['istio.io/rev']) return `istio.io/rev=${marks['istio.io/rev']}`
  if (marks['istio.io/dataplane-mode'] === 'ambient') return 'istio.io/dataplane-mode=ambient'
  if (marks['linkerd.io/inject'] === 'enabled') return 'linkerd.io/inject=enabled'
  if (marks['kuma.io/sidecar-injection'] === 'enabled') return 'kuma.io/sidecar-injection=enabled'
  if (marks['consul.hashicorp.com/connect-inject'] === 'true') return 'connect-inject=true'
  return null
}

interface Peer {
  namespaceSelector?: { matchLabels?: Record<string, string> } & Record<string, unknown>
  ipBlock?: unknown
}
type NetworkPolicy = KubeObject & {
  spec?: { policyTypes?: string[]; egress?: { to?: Peer[]; ports?: unknown[] }[] }
}

/** Whether a rule may lead to the control plane. A block of addresses may: nobody here knows. */
function reaches({ to }: { to?: Peer[] }, system: string): boolean {
  if (!to || to.length === 0) return true
  return to.some(({ namespaceSelector, ipBlock }) => {
    if (ipBlock) return true
    if (!namespaceSelector) return false
    const labels = Object.entries(namespaceSelector.matchLabels ?? {})
    return labels.every(([key, value]) => key !== 'kubernetes.io/metadata.name' || value === system)
  })
}
