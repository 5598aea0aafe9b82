/** What should not be there: of older versions, of an installation that is gone, of a release that failed. */
import type { KubeObject, Pod, Secret } from '../../../core/kube/types.ts'
import { LABEL, NAMESPACE_MARK } from '../../../core/names.ts'
import { nameOf } from '../../api-resources.ts'
import { MANAGED_BY_LABEL, VERSION_LABEL } from '../../install/installation.ts'
import { takeInventory } from '../../uninstall/inventory.ts'
import { type Check, counted, ok, skipped, warning } from '../check.ts'

export const LEFTOVER_CHECKS: readonly Check[] = [
  {
    id: 'leftovers',
    title: 'nothing of an older installation is left',
    admin: true,
    after: ['api-reachable'],
    async run({ client, resources, rendered, installation }) {
      const found = await installation()
      const chart = found ? await rendered() : []
      const inventory = await takeInventory(client, await resources(), { chart })
      // It is meant to stay.
      const owned = inventory.owned.filter(({ object }) => object.metadata.name !== NAMESPACE_MARK)
      if (!found) {
        if (owned.length === 0) return ok()
        return warning(
          'azds is not installed, and these objects of it are there:',
          'azds uninstall takes them away',
          owned.map(({ object }) => nameOf(object)),
        )
      }
      const key = ({ kind, metadata }: KubeObject) =>
        `${kind} ${metadata.namespace ?? ''} ${metadata.name}`
      const wanted = new Set(chart.map(key))
      // Only what an installer has made: the programs' own objects belong to what made them.
      const old = owned.filter(
        ({ object }) =>
          object.metadata.labels?.[MANAGED_BY_LABEL] !== undefined &&
          object.metadata.labels[VERSION_LABEL] !== found.version &&
          object.kind !== 'Namespace' &&
          !wanted.has(key(object)),
      )
      if (old.length === 0) return ok()
      return warning(
        'objects of other versions are there, which this one does not use:',
        'azds upgrade takes away what azds has made; the rest with kubectl delete',
        old.map(({ object }) => nameOf(object)),
      )
    },
  },
  {
    id: 'left-ca',
    title: 'only spaces have the controller’s certificates',
    admin: true,
    after: ['api-reachable'],
    async run({ authorityMaps, tree, installation }) {
      const system = (await installation())?.namespace
      const { namespaces } = await tree()
      const left = (await authorityMaps()).filter(({ metadata: { namespace = '' } }) => {
        const labels = namespaces.get(namespace)?.metadata.labels
        return namespace !== system && labels?.[LABEL.space] !== 'true'
      })
      if (left.length === 0) return ok()
      return warning(
        'the ConfigMap azds-ca is left in namespaces that are no spaces:',
        'the controller takes it away within a minute where it runs; else kubectl delete configmap azds-ca -n NAMESPACE',
        left.map(({ metadata }) => metadata.namespace ?? ''),
      )
    },
  },
  {
    id: 'helm-release',
    title: 'no Helm release of azds has failed',
    admin: true,
    after: ['installed'],
    async run({ client, installed }) {
      const { namespace, release } = await installed()
      if (release === null) return skipped('Helm has not installed it')
      const selector = encodeURIComponent(`owner=helm,name=${release}`)
      const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`
      const { items } = await client.get<{ items: Secret[] }>(path)
      const revision = (secret: Secret) => Number(secret.metadata.labels?.['version'] ?? 0)
      const newest = items.toSorted((a, b) => revision(b) - revision(a))[0]
      const status = newest?.metadata.labels?.['status']
      if (!status || status === 'deployed') return ok()
      return warning(
        `the newest revision of release ${release} is ${status}`,
        `helm history ${release} -n ${namespace}, then helm rollback or helm upgrade`,
      )
    },
  },
  {
    id: 'images',
    title: 'every node has our images',
    admin: true,
    after: ['installed'],
    async run({ client, installed }) {
      const { namespace } = await installed()
      const selector = encodeURIComponent('app.kubernetes.io/name=azds-image-prepull')
      const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`
      const { items } = await client.get<{ items: Pod[] }>(path)
      if (items.length === 0) return skipped('the installation pulls none ahead')
      const bad = items.flatMap(notPulled)
      if (bad.length === 0) return ok(counted(items.length, 'node'))
      return warning(
        'images are not pulled, so that pods there start late or not at all:',
        `see the registry’s answer: kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=azds-image-prepull`,
        [...new Set(bad)],
      )
    },
  },
]

interface ContainerState {
  name: string
  image?: string
  state?: { waiting?: { reason?: string } }
}

const PULL_FAULTS = ['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']

function notPulled({ spec, status }: Pod): string[] {
  const lists = [status?.['initContainerStatuses'], status?.['containerStatuses']]
  return lists.flatMap((list) =>
    ((list as ContainerState[] | undefined) ?? []).flatMap(({ name, image, state }) => {
      const reason = state?.waiting?.reason ?? ''
      if (!PULL_FAULTS.includes(reason)) return []
      return [`${spec.nodeName ?? 'a node'}: ${image || name} (${reason})`]
    }),
  )
}
