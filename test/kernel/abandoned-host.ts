/** A host process for tests that kill it: starts a cluster with one pod, says so, and waits for its end. */

import { setTimeout as sleep } from 'node:timers/promises'
import { createKubeClient } from '../../core/kube/kubeconfig.ts'
import { startCluster } from '../../playground/cluster.ts'

const cluster = await startCluster({ env: process.env, uid: process.getuid?.() ?? -1 })
const client = createKubeClient({ kubeconfig: cluster.kubeconfigPath })
await client.create('/api/v1/namespaces/default/pods', {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'left' },
  spec: {
    containers: [{ name: 'app', image: 'playground/shell', command: ['sleep', '1000'] }],
  },
})
for (;;) {
  const pod = await client.get<{ status?: { phase?: string } }>(
    '/api/v1/namespaces/default/pods/left',
  )
  if (pod.status?.phase === 'Running') break
  await sleep(20)
}
console.log('running')
setInterval(() => {}, 1000)
