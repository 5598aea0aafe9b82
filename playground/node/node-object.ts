/** The Node object of the one machine, so that schedulers, webhooks and people see a node. */
import { arch, cpus, totalmem } from 'node:os'
import { NETWORK, NODE_NAME } from './addresses.ts'

/** The Kubernetes version whose behaviour the playground imitates. */
export const KUBELET_VERSION = 'v1.34.0'

/** @param now ISO time, whole seconds */
export function nodeObject(now: string): Record<string, unknown> {
  const architecture = arch() === 'x64' ? 'amd64' : arch()
  const condition = (type: string, holds: boolean, reason: string) => ({
    type,
    status: holds ? 'True' : 'False',
    reason,
    message: '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  })
  const amounts = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    // As many as there are pod addresses.
    pods: '253',
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: NODE_NAME,
      labels: {
        'kubernetes.io/hostname': NODE_NAME,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': architecture,
      },
    },
    spec: { podCIDR: NETWORK.podCidr, podCIDRs: [NETWORK.podCidr] },
    status: {
      capacity: amounts,
      allocatable: amounts,
      addresses: [
        { type: 'InternalIP', address: NETWORK.nodeIp },
        { type: 'Hostname', address: NODE_NAME },
      ],
      conditions: [
        condition('MemoryPressure', false, 'KubeletHasSufficientMemory'),
        condition('DiskPressure', false, 'KubeletHasNoDiskPressure'),
        condition('PIDPressure', false, 'KubeletHasSufficientPID'),
        condition('Ready', true, 'KubeletReady'),
      ],
      nodeInfo: {
        architecture,
        operatingSystem: 'linux',
        osImage: 'playground',
        kernelVersion: '',
        containerRuntimeVersion: 'playground://1',
        kubeletVersion: KUBELET_VERSION,
        kubeProxyVersion: KUBELET_VERSION,
        bootID: '',
        machineID: '',
        systemUUID: '',
      },
    },
  }
}
