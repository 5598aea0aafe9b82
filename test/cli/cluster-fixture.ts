/** A cluster for commands that install and look after azds: the playground's API server in process, and pods that only seem to run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  WEBHOOK_CONFIGURATION_PATH,
  type WebhookConfiguration,
} from '../../cli/install/installation.ts'
import { createAuthority } from '../../core/authority/certificate.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import { createKubeClient } from '../../core/kube/kubeconfig.ts'
import type { ApiServer } from '../../playground/apiserver/server.ts'
import { startControlPlane } from '../playground/apiserver/control-plane.ts'
import { startFakeKubelet } from '../playground/apiserver/fake-kubelet.ts'

export interface TestCluster {
  client: KubeClient
  server: ApiServer
  kubeconfig: string
  /** A client of another user. */
  as(user: string, groups?: readonly string[]): Promise<KubeClient>
  close(): Promise<void>
}

/** @param signs false: nobody plays the webhook, which signs into its configuration */
export async function startTestCluster({ signs = true } = {}): Promise<TestCluster> {
  const server = await startControlPlane()
  const stopKubelet = await startFakeKubelet(server)
  const folder = await mkdtemp(join(tmpdir(), 'azds-cli-'))
  const clientOf = async (name: string, text: string) => {
    const kubeconfig = join(folder, name)
    await writeFile(kubeconfig, text)
    return createKubeClient({ kubeconfig })
  }
  const client = await clientOf('admin', server.adminKubeconfig)
  // The chart's programs run on Linux nodes alone.
  await client.patch('/api/v1/nodes/fake', 'application/merge-patch+json', {
    metadata: { labels: { 'kubernetes.io/os': 'linux' } },
  })
  const stopSigning = signs ? keepSigned(client) : async () => {}
  return {
    client,
    server,
    kubeconfig: join(folder, 'admin'),
    as: (user, groups = []) =>
      clientOf(user, server.kubeconfigFor(server.url, server.tokenForUser(user, groups))),
    close: async () => {
      await stopSigning()
      await stopKubelet()
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Plays the webhook's part of an installation: puts an authority into the configuration that lacks one. */
function keepSigned(client: KubeClient): () => Promise<void> {
  let stopped = false
  const run = async () => {
    while (!stopped) {
      await sign(client).catch((error: Error) => {
        if (!(error instanceof KubeError)) throw error
      })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const running = run()
  return async () => {
    stopped = true
    await running
  }
}

async function sign(client: KubeClient): Promise<void> {
  const live = await client.get<WebhookConfiguration>(WEBHOOK_CONFIGURATION_PATH)
  if (live.webhooks?.[0]?.clientConfig.caBundle !== undefined) return
  const { cert } = await createAuthority({
    subject: 'azds webhook',
    lifeMs: 365 * 86_400_000,
    now: new Date(),
  })
  const value = Buffer.from(cert).toString('base64')
  await client.patch(WEBHOOK_CONFIGURATION_PATH, 'application/json-patch+json', [
    { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value },
  ])
}
