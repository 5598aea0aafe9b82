/** The built-in controllers, all of them. */
import { type Log, silentLog } from '../../core/log.ts'
import type { Objects } from '../apiserver/objects.ts'
import { Cluster } from './cluster.ts'
import { startCustomResources } from './custom-resources.ts'
import { startDaemonSets } from './daemon-set.ts'
import { startDeployments } from './deployment.ts'
import { startDisruption } from './disruption.ts'
import { startEndpointSlices } from './endpoint-slices.ts'
import { startEventExpiry } from './event-expiry.ts'
import { GarbageCollector } from './garbage-collector.ts'
import { startJobs } from './job.ts'
import { startNamespaces } from './namespaces.ts'
import { startReplicaSets } from './replica-set.ts'
import { startResourceQuotas } from './resource-quotas.ts'
import { startScheduler } from './scheduler.ts'
import { startStatefulSets } from './stateful-set.ts'

export interface ControllersOptions {
  objects: Objects
  /** The API server's CA, for the config map in each namespace. */
  caPem: string
  log?: Log
}

/** Starts them; they work until the returned function is called, which waits for work at hand. */
export function startControllers({ objects, caPem, log = silentLog }: ControllersOptions): {
  close(): Promise<void>
} {
  const as = (component: string) => new Cluster(objects, log, component)
  const garbage = new GarbageCollector(as('garbage-collector'))
  const stops = [
    startNamespaces(as('namespace-controller'), caPem),
    startCustomResources(as('crd-controller')),
    startDeployments(as('deployment-controller')),
    startReplicaSets(as('replicaset-controller')),
    startStatefulSets(as('statefulset-controller')),
    startDaemonSets(as('daemonset-controller')),
    startJobs(as('job-controller')),
    startDisruption(as('disruption-controller')),
    startEndpointSlices(as('endpointslice-controller')),
    startResourceQuotas(as('resourcequota-controller')),
    startScheduler(as('default-scheduler')),
    startEventExpiry(as('event-expiry')),
    () => garbage.stop(),
  ]
  return {
    close: async () => {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}
