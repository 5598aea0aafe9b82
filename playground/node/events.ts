/** Events: what `kubectl describe` and `kubectl get events` tell about a pod. */
import type { KubeClient } from '../../core/kube/client.ts'
import type { Log } from '../../core/log.ts'
import { NODE_NAME } from './addresses.ts'
import type { PodView } from './pod-view.ts'

export type RecordEvent = (
  pod: PodView,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void

/** Events are told, not promised: one that cannot be written is logged and dropped. */
export function eventRecorder(client: KubeClient, log: Log, now: () => number): RecordEvent {
  let serial = 0
  return (pod, type, reason, message) => {
    const { namespace = 'default', name = '', uid = '' } = pod.metadata
    const time = new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z')
    serial += 1
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${now().toString(16)}${serial.toString(16)}`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      type,
      reason,
      message,
      source: { component: 'kubelet', host: NODE_NAME },
      reportingComponent: 'kubelet',
      reportingInstance: NODE_NAME,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
    }
    client.create(`/api/v1/namespaces/${namespace}/events`, event).catch((error: Error) => {
      log.debug({ namespace, name, reason, error: error.message }, 'event not written')
    })
  }
}
