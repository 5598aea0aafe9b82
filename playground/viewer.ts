/** The viewer's page on the host, as `azds viewer` serves it: read through the API server, with the rights of a kubeconfig. */
import { join } from 'node:path'
import { aggregatedTraces } from '../cli/aggregated-traces.ts'
import { startViewerServer, type ViewerServer } from '../cli/viewer/server.ts'
import { createKubeClient, type KubeClientOptions } from '../core/kube/kubeconfig.ts'

const DIRECTORY = join(import.meta.dirname, '..', 'dist', 'viewer')

/**
 * Serves it on 127.0.0.1, to everybody on this machine: the traces are those of a sample.
 * @param port that is asked for first; any free one if it is in use
 */
export async function openViewer(kube: KubeClientOptions, port = 0): Promise<ViewerServer> {
  const client = createKubeClient(kube)
  const source = aggregatedTraces(client, null)
  const options = { client, source, directory: DIRECTORY, access: 'open' } as const
  try {
    return await startViewerServer({ ...options, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port === 0) throw error
    return startViewerServer({ ...options, port: 0 })
  }
}
