/** Whether we may install, and whether the programs may do what the chart's roles say. */
import type { KubeObject } from '../../../core/kube/types.ts'
import { type Deed, describeDeeds, notAllowed } from '../../access-review.ts'
import { resourceFor } from '../../api-resources.ts'
import { renderChart } from '../../chart/render.ts'
import { type Check, counted, failure, type Outcome, ok, skipped } from '../check.ts'
import type { DoctorFacts } from '../facts.ts'

interface Rule {
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
  verbs: string[]
}
type Role = KubeObject & { rules: Rule[] }

export const RIGHTS_CHECKS: readonly Check[] = [
  {
    id: 'rights-install',
    title: 'you may make every object of the chart',
    pre: true,
    admin: true,
    after: ['api-reachable'],
    async run(facts) {
      const { client, chart, target, resources } = facts
      const release = { name: 'azds', namespace: target }
      const objects = renderChart(chart, { namespace: { create: true } }, release)
      const known = await resources()
      const deeds = objects.flatMap((object) => {
        const { apiVersion, name, namespaced } = resourceFor(known, object)
        const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
        const namespace = namespaced ? (object.metadata.namespace ?? target) : ''
        return ['create', 'patch'].map((verb): Deed => ({ verb, group, resource: name, namespace }))
      })
      const missing = await notAllowed(client, null, different(deeds))
      if (missing.length === 0) return ok()
      const user = await facts.user()
      return failure(
        `${user || 'you'} may not make all that the chart has; missing:`,
        'let an admin of the cluster (ClusterRole cluster-admin) install azds',
        describeDeeds(missing),
      )
    },
  },
  ...['webhook', 'controller', 'api'].map(
    (program): Check => ({
      id: `rights-${program}`,
      title: `azds-${program} may do what its roles say`,
      admin: true,
      after: ['installed'],
      run: (facts) => rightsOfProgram(`azds-${program}`, facts),
    }),
  ),
]

/** Asks about every rule of the chart's roles that the program is bound to, as the program itself. */
async function rightsOfProgram(name: string, facts: DoctorFacts): Promise<Outcome> {
  const { client, rendered, installed } = facts
  const { namespace } = await installed()
  const roles = (await rendered()).filter(
    ({ kind, metadata }) => metadata.name === name && (kind === 'ClusterRole' || kind === 'Role'),
  ) as Role[]
  if (roles.length === 0) return skipped('the installation does without it')
  const deeds = roles.flatMap((role) =>
    role.rules.flatMap((rule) => deedsOf(rule, role.metadata.namespace ?? '')),
  )
  const user = `system:serviceaccount:${namespace}:${name}`
  const missing = await notAllowed(client, user, different(deeds))
  if (missing.length === 0) return ok(counted(deeds.length, 'right'))
  return failure(
    `the account ${namespace}/${name} lacks rights that its roles give, so that a role or a binding was changed:`,
    'put them back: azds upgrade (or helm upgrade, where Helm installed it)',
    describeDeeds(missing),
  )
}

function deedsOf(
  { apiGroups = [], resources = [], resourceNames, verbs }: Rule,
  namespace: string,
) {
  const deeds: Deed[] = []
  for (const group of apiGroups)
    for (const resource of resources)
      for (const verb of verbs)
        for (const name of resourceNames ?? [undefined])
          deeds.push({ verb, group, resource, namespace, ...(name !== undefined && { name }) })
  return deeds
}

function different(deeds: readonly Deed[]): Deed[] {
  return [...new Map(deeds.map((deed) => [JSON.stringify(deed), deed])).values()]
}
