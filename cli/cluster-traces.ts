/** Chooses how traces are read through a cluster. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import { API_ROOT } from '../core/trace-resource.ts'
import { aggregatedTraces } from './aggregated-traces.ts'
import { controllerInCluster } from './controller-client.ts'
import { controllerTraces } from './controller-traces.ts'
import type { TraceSource } from './trace-source.ts'

/**
 * Through the group `azds.io`; where the cluster does not know it (its installation is older, or does without
 * azds-api), through the proxy of Services.
 */
export async function tracesInCluster(client: KubeClient): Promise<TraceSource> {
  const isUnknown = await client.get(API_ROOT).then(
    () => false,
    // Any other failure is told better by what is asked for next.
    (error: Error) => error instanceof KubeError && error.status === 404,
  )
  if (isUnknown) return controllerTraces(controllerInCluster(client))
  // The namespace of the context is what kubectl would take, too.
  return aggregatedTraces(client, client.namespace)
}
