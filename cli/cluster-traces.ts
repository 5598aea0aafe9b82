/** Reads the traces of a cluster, where it serves them. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import { API_GROUP_VERSION, API_ROOT } from '../core/trace-resource.ts'
import { aggregatedTraces } from './aggregated-traces.ts'
import { CliError } from './command.ts'
import type { TraceSource } from './trace-source.ts'

/**
 * Traces through the group `azds.io`. Throws a `CliError` where the cluster does not know it: azds is not
 * installed there, or without azds-api.
 */
export async function tracesInCluster(client: KubeClient): Promise<TraceSource> {
  await client.get(API_ROOT).catch((error: Error) => {
    // Any other failure is told better by what is asked for next.
    if (!(error instanceof KubeError) || error.status !== 404) return
    throw new CliError(
      `the cluster at ${client.server} does not serve traces (${API_GROUP_VERSION}): azds is not installed there, or without azds-api; run \`azds doctor\` to see what is missing`,
      1,
      { cause: error },
    )
  })
  // The namespace of the context is what kubectl would take, too.
  return aggregatedTraces(client, client.namespace)
}
