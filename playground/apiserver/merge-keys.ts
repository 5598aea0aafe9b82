/**
 * How lists, maps and objects of the built-in kinds are merged: the `x-kubernetes-*` marks that the
 * Kubernetes API reference gives for each field. What is not named here is the default: lists are
 * replaced whole, maps and objects are merged key by key.
 */

export interface ListKeys {
  /** Fields by which server-side apply tells the list's items apart. */
  keys: string[]
  /** Field by which a strategic merge patch does; the first of `keys` unless it differs. */
  patchKey?: string
  /** Values of keys that an item may leave out. */
  defaults?: Record<string, string>
}

const by = (...keys: string[]): ListKeys => ({ keys })
const PORT_PROTOCOL = { protocol: 'TCP' }

/** Lists whose items have an identity, as `Type.field`. */
export const KEYED_LISTS: Readonly<Record<string, ListKeys>> = {
  'V1ObjectMeta.ownerReferences': by('uid'),
  'V1PodSpec.volumes': by('name'),
  'V1PodSpec.containers': by('name'),
  'V1PodSpec.initContainers': by('name'),
  'V1PodSpec.ephemeralContainers': by('name'),
  'V1PodSpec.imagePullSecrets': by('name'),
  'V1PodSpec.hostAliases': by('ip'),
  'V1PodSpec.schedulingGates': by('name'),
  'V1PodSpec.resourceClaims': by('name'),
  'V1PodSpec.topologySpreadConstraints': by('topologyKey', 'whenUnsatisfiable'),
  'V1Container.env': by('name'),
  'V1Container.volumeMounts': by('mountPath'),
  'V1Container.volumeDevices': by('devicePath'),
  'V1Container.ports': { keys: ['containerPort', 'protocol'], defaults: PORT_PROTOCOL },
  'V1EphemeralContainer.env': by('name'),
  'V1EphemeralContainer.volumeMounts': by('mountPath'),
  'V1EphemeralContainer.volumeDevices': by('devicePath'),
  'V1EphemeralContainer.ports': { keys: ['containerPort', 'protocol'], defaults: PORT_PROTOCOL },
  'V1ResourceRequirements.claims': by('name'),
  'V1PodStatus.conditions': by('type'),
  'V1PodStatus.podIPs': by('ip'),
  'V1ServiceSpec.ports': { keys: ['port', 'protocol'], defaults: PORT_PROTOCOL },
  'V1ServiceStatus.conditions': by('type'),
  'V1ServiceAccount.secrets': by('name'),
  'V1NamespaceStatus.conditions': by('type'),
  'V1NodeStatus.conditions': by('type'),
  'V1NodeStatus.addresses': by('type'),
  'V1PersistentVolumeClaimStatus.conditions': by('type'),
  'V1DeploymentStatus.conditions': by('type'),
  'V1ReplicaSetStatus.conditions': by('type'),
  'V1StatefulSetStatus.conditions': by('type'),
  'V1DaemonSetStatus.conditions': by('type'),
  'V1PodDisruptionBudgetStatus.conditions': by('type'),
  'V2HorizontalPodAutoscalerStatus.conditions': by('type'),
  'V1MutatingWebhookConfiguration.webhooks': by('name'),
  'V1ValidatingWebhookConfiguration.webhooks': by('name'),
  'V1MutatingWebhook.matchConditions': by('name'),
  'V1ValidatingWebhook.matchConditions': by('name'),
  'V1CustomResourceDefinitionStatus.conditions': by('type'),
}

/** Lists of plain values in which each value stands for itself. */
export const SETS: ReadonlySet<string> = new Set([
  'V1ObjectMeta.finalizers',
  'V1NodeSpec.podCIDRs',
  'V1PersistentVolumeSpec.accessModes',
])

/** Objects that are replaced whole. */
export const ATOMIC_TYPES: ReadonlySet<string> = new Set([
  'V1LabelSelector',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectReference',
  'V1LocalObjectReference',
  'V1TypedLocalObjectReference',
  'V1SecretReference',
  'V1SecretKeySelector',
  'V1ConfigMapKeySelector',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1OwnerReference',
  'V1RoleRef',
  'RbacV1Subject',
  'V1ScopeSelector',
])

/** Maps that are replaced whole. */
export const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'V1ServiceSpec.selector',
  'V1PodSpec.nodeSelector',
])

/** Maps of amounts such as `500m`; a bare number is as good as its text there. */
export const QUANTITY_FIELDS: ReadonlySet<string> = new Set([
  'limits',
  'requests',
  'capacity',
  'allocatable',
  'allocatedResources',
  'overhead',
  'hard',
  'used',
  'sizeLimit',
  'divisor',
  'averageValue',
])
