/** Refuses to install over what is not ours, or is somebody else's to change. */

import { CLUSTER_NAMESPACES } from '../../core/injection/decide.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import type { ApiService, KubeObject, Namespace } from '../../core/kube/types.ts'
import { API_GROUP, API_VERSION, NAMESPACE_MARK, PART_OF, PART_OF_LABEL } from '../../core/names.ts'
import { getOrNull } from '../api-resources.ts'
import { CliError } from '../command.ts'
import { NAMESPACES } from '../spaces.ts'
import { findInstallation, type Installation } from './installation.ts'

export const API_SERVICE_PATH = `/apis/apiregistration.k8s.io/v1/apiservices/${API_VERSION}.${API_GROUP}`

/** What there is of ours already, for `azds install` and `azds upgrade`; null where there is nothing. */
export interface Ground {
  installation: Installation | null
  namespace: Namespace | null
  /** Whether an installation by Helm that is gone has left its mark in it. */
  isMarked: boolean
  /** Namespace to which group `azds.io` is served from; null if nobody serves it. */
  apiNamespace: string | null
}

export async function readGround(client: KubeClient, namespace: string): Promise<Ground> {
  const [installation, found, mark, apiService] = await Promise.all([
    findInstallation(client),
    getOrNull<Namespace>(client, `${NAMESPACES}/${namespace}`),
    getOrNull<KubeObject>(client, `${NAMESPACES}/${namespace}/configmaps/${NAMESPACE_MARK}`),
    getOrNull<ApiService>(client, API_SERVICE_PATH),
  ])
  return {
    installation,
    namespace: found,
    isMarked: mark?.metadata.labels?.[PART_OF_LABEL] === PART_OF,
    apiNamespace: apiService?.spec?.service?.namespace ?? null,
  }
}

/**
 * Why nothing may be installed into `name`; null if nothing stands against it.
 *
 * | what there is                                   | answer                            |
 * |-------------------------------------------------|-----------------------------------|
 * | `name` is Kubernetes' own                       | refused                           |
 * | an installation in another namespace            | refused: one in a cluster         |
 * | an installation of Helm's                       | refused: helm upgrade             |
 * | azds.io served out of another namespace         | refused                           |
 * | the namespace is being deleted                  | refused: wait                     |
 * | the namespace exists without label or mark      | refused, unless it is to be adopted |
 * | the namespace is a space                        | refused                           |
 */
export function refusalOf(name: string, ground: Ground, adopt: boolean): string | null {
  const { installation, namespace, isMarked, apiNamespace } = ground
  if (CLUSTER_NAMESPACES.includes(name)) {
    return `namespace "${name}" belongs to the cluster itself: choose another with --namespace`
  }
  if (installation && installation.namespace !== name) {
    return `azds is installed in namespace "${installation.namespace}", and a cluster has room for one: use \`azds upgrade\`, or \`azds uninstall\` first`
  }
  if (installation?.by === 'helm') {
    return `azds was installed by Helm (release "${installation.release}" in "${name}"), which would undo what azds changes: use helm upgrade ${installation.release} -n ${name}`
  }
  if (apiNamespace !== null && apiNamespace !== name) {
    return `the API group azds.io is served out of namespace "${apiNamespace}": if that is left over, run \`azds uninstall\` first`
  }
  if (!namespace) return null
  const { labels = {}, deletionTimestamp } = namespace.metadata
  if (deletionTimestamp) return `namespace "${name}" is being deleted: wait until it is gone`
  if (labels['azds.io/space'] === 'true') {
    return `namespace "${name}" is a space, and pods of spaces wait for the webhook, which would wait for itself: choose another with --namespace`
  }
  if (labels[PART_OF_LABEL] === PART_OF || isMarked || adopt) return null
  return `namespace "${name}" exists and is not marked as ours, so that it may hold something of somebody else’s: choose another with --namespace, or, if it is meant, run kubectl label namespace ${name} ${PART_OF_LABEL}=${PART_OF}`
}

export function refuseForeign(name: string, ground: Ground, adopt: boolean): void {
  const refusal = refusalOf(name, ground, adopt)
  if (refusal !== null) throw new CliError(refusal)
}
