/** Whether traces can be read, and by whom. */
import { KubeError } from '../../../core/kube/client.ts'
import { mayDo } from '../../access-review.ts'
import { type Check, failure, ok, skipped, warning } from '../check.ts'

export const API_CHECKS: readonly Check[] = [
  {
    id: 'apiservice-available',
    title: 'the API server serves azds.io',
    after: ['installed'],
    async run({ apiService, installed, rendered }) {
      const { namespace } = await installed()
      const found = await apiService()
      if (!found) {
        // Who may not read how it was installed cannot say whether anything is missing.
        const objects = await rendered().catch(() => [])
        if (!objects.some(({ kind }) => kind === 'APIService'))
          return skipped('the installation does without azds-api')
        return failure(
          'there is no APIService v1.azds.io, so that nobody can read traces',
          'put it back: azds upgrade (or helm upgrade, where Helm installed it)',
        )
      }
      const available = found.status?.conditions?.find(({ type }) => type === 'Available')
      if (available?.status === 'True') return ok()
      return failure(
        `the APIService v1.azds.io is not available (${available?.reason ?? 'unknown'}: ${available?.message ?? 'no condition'}): traces cannot be read, kubectl complains, and no namespace of the cluster can be deleted`,
        `see kubectl -n ${namespace} get pods -l app.kubernetes.io/name=azds-api; the way out: kubectl delete apiservice v1.azds.io`,
      )
    },
  },
  {
    id: 'traces-rights',
    title: 'you may read traces',
    after: ['apiservice-available'],
    async run({ client, apiService, spaces, space }) {
      // Developers may not look at APIServices, and their rights to traces they may ask for all the same.
      const found = await apiService().catch((error: Error) => {
        if (error instanceof KubeError && error.status === 403) return undefined
        throw error
      })
      if (found === null) return skipped('the installation does without azds-api')
      const deed = { verb: 'get', group: 'azds.io', resource: 'traces' }
      if (await mayDo(client, null, { ...deed, namespace: '' })) return ok('of all spaces')
      const names = space ? [space] : (await spaces()).map(({ metadata }) => metadata.name ?? '')
      const answers = await Promise.all(
        names.map((namespace) => mayDo(client, null, { ...deed, namespace })),
      )
      const readable = names.filter((_, index) => answers[index])
      if (readable.length > 0) return ok(`of ${readable.join(', ')}`)
      return warning(
        'you may read the traces of no space',
        'ask for the ClusterRole azds-traces, edit or admin in your space',
      )
    },
  },
]
