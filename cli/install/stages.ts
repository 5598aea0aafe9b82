/** In which order objects are made, so that none is refused for want of another, and admission comes last. */
import type { KubeObject } from '../../core/kube/types.ts'

export interface Stage {
  /** As the terminal shows it. */
  title: string
  kinds: readonly string[]
}

/** Kinds that no stage names are of `settings`. */
export const STAGES: readonly Stage[] = [
  { title: 'namespace', kinds: ['Namespace'] },
  { title: 'settings', kinds: [] },
  {
    title: 'rights',
    kinds: ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  },
  { title: 'services', kinds: ['Service'] },
  { title: 'programs', kinds: ['Deployment', 'DaemonSet', 'StatefulSet', 'PodDisruptionBudget'] },
  { title: 'aggregated API', kinds: ['APIService'] },
  { title: 'admission', kinds: ['MutatingWebhookConfiguration'] },
]

export interface StagedObjects extends Stage {
  objects: KubeObject[]
}

/** The objects by stage, each in the order in which it was rendered; empty stages are left out. */
export function staged(objects: readonly KubeObject[]): StagedObjects[] {
  const stageOf = ({ kind = '' }: KubeObject) =>
    STAGES.find(({ kinds }) => kinds.includes(kind))?.title ?? 'settings'
  return STAGES.map((stage) => ({
    ...stage,
    objects: objects.filter((object) => stageOf(object) === stage.title),
  })).filter((stage) => stage.objects.length > 0)
}

/**
 * The webhook configuration as it is first made: it lets everything pass while no webhook has registered. So
 * spaces are never blocked, and the webhook finds what it has to sign into.
 */
export function harmless(configuration: KubeObject): KubeObject {
  const { webhooks = [] } = configuration as { webhooks?: Record<string, unknown>[] }
  return {
    ...configuration,
    webhooks: webhooks.map((webhook) => ({ ...webhook, failurePolicy: 'Ignore' })),
  } as KubeObject
}
