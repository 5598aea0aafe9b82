/** Stands in for a node: pods become ready, run to their end or go, without anything running. */
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'

interface Pod {
  metadata: { name: string; namespace: string; deletionTimestamp?: string }
  spec: {
    nodeName?: string
    restartPolicy: string
    containers: { name: string; image: string }[]
  }
  status: { phase: string }
}

/** An image whose pods never become ready. */
export const BROKEN_IMAGE = 'example/broken:1'
/** An image whose pods fail. */
export const FAILING_IMAGE = 'example/failing:1'

/** Registers a node and looks after its pods; returns a function that ends it. */
export async function startFakeKubelet(server: ApiServer): Promise<() => Promise<void>> {
  await call(server, 'POST', '/api/v1/nodes', {
    metadata: { name: 'fake', labels: { 'kubernetes.io/hostname': 'fake' } },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      nodeInfo: { kubeletVersion: 'v1.34.0' },
    },
  })
  let stopped = false
  let nextIp = 1
  const look = async () => {
    const { body } = await call(server, 'GET', '/api/v1/pods?fieldSelector=spec.nodeName=fake')
    for (const pod of body.items as Pod[]) {
      const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`
      if (pod.metadata.deletionTimestamp)
        await call(server, 'DELETE', `${path}?gracePeriodSeconds=0`)
      else if (pod.status.phase === 'Pending') await start(pod, path)
    }
  }
  const start = async (pod: Pod, path: string) => {
    const image = pod.spec.containers[0]?.image
    if (image === BROKEN_IMAGE) return
    const phase = image === FAILING_IMAGE ? 'Failed' : ended(pod) ? 'Succeeded' : 'Running'
    const status = phase === 'Running' ? 'True' : 'False'
    await call(
      server,
      'PATCH',
      `${path}/status`,
      {
        status: {
          phase,
          podIP: `10.244.0.${nextIp++}`,
          conditions: [{ type: 'Ready', status, lastTransitionTime: new Date().toISOString() }],
          containerStatuses: pod.spec.containers.map(({ name, image: one }) => ({
            name,
            image: one,
            imageID: one,
            ready: phase === 'Running',
            restartCount: 0,
          })),
        },
      },
      { type: 'application/merge-patch+json' },
    )
  }
  const ended = (pod: Pod) => pod.spec.restartPolicy !== 'Always'
  const running = (async () => {
    while (!stopped) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })()
  return async () => {
    stopped = true
    await running
  }
}
