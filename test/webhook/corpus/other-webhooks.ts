/** What other webhooks do to a pod after ours has seen it, from the harmless to what has to be put right. */
import type { Container, Pod } from '../../../core/kube/types.ts'
import { isOurs } from './allowed-changes.ts'

export interface OthersWork {
  /** The second admission has nothing to do. */
  harmless: Pod
  /** It has, in each of these. */
  harmful: Pod[]
}

export function withOthersWork(pod: Pod): OthersWork {
  const native = pod.spec.initContainers?.some(
    ({ name, restartPolicy }) => name === 'devspaces-proxy' && restartPolicy === 'Always',
  )
  return {
    harmless: withAgent(pod),
    harmful: [
      withoutVolume(pod),
      withTokens(pod),
      withProbe(pod),
      ...(native ? [stripped(pod), withInitBetween(pod)] : [withInitLast(pod)]),
    ],
  }
}

function changed(pod: Pod, change: (spec: Pod['spec']) => void): Pod {
  const copy = structuredClone(pod)
  change(copy.spec)
  return copy
}

const allOf = ({ initContainers, containers }: Pod['spec']): Container[] => [
  ...(initContainers ?? []),
  ...containers,
]

/** An agent with an init container, a sidecar before and one after the app, a volume first, and something for everybody. */
function withAgent(pod: Pod): Pod {
  return changed(pod, (spec) => {
    const mount = { name: 'others-agent', mountPath: '/agent' }
    const agent = { image: 'agent:1', livenessProbe: { httpGet: { path: '/', port: 9999 } } }
    spec.initContainers?.unshift({ name: 'others-init', image: 'agent:1' })
    spec.containers = [
      { name: 'others-first', ...agent },
      ...spec.containers,
      { name: 'others-last', ...agent },
    ]
    spec.volumes = [{ name: 'others-agent', emptyDir: {} }, ...(spec.volumes ?? [])]
    for (const container of allOf(spec)) {
      container.env = [...(container.env ?? []), { name: 'OTHERS', value: '1' }]
      container.volumeMounts = [mount, ...(container.volumeMounts ?? [])]
    }
  })
}

function withoutVolume(pod: Pod): Pod {
  return changed(pod, (spec) => {
    spec.volumes = (spec.volumes ?? []).filter(({ name }) => name !== 'azds-identity')
  })
}

/** Each container gets the API's token at the usual place, ours too. */
function withTokens(pod: Pod): Pod {
  return changed(pod, (spec) => {
    spec.volumes?.push({ name: 'others-token', emptyDir: {} })
    for (const container of allOf(spec)) {
      if (!isOurs(container)) continue
      const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
      container.volumeMounts = [{ name: 'others-token', mountPath }]
    }
  })
}

function withProbe(pod: Pod): Pod {
  return changed(pod, (spec) => {
    spec.containers.push({
      name: 'others-probed',
      image: 'agent:1',
      readinessProbe: { tcpSocket: { port: 34567 } },
    })
  })
}

function stripped(pod: Pod): Pod {
  return changed(pod, (spec) => {
    for (const container of spec.initContainers ?? []) {
      if (isOurs(container)) delete container.restartPolicy
    }
  })
}

function withInitBetween(pod: Pod): Pod {
  return changed(pod, (spec) => {
    const at = spec.initContainers?.findIndex(({ name }) => name === 'devspaces-proxy') ?? 0
    spec.initContainers?.splice(at, 0, { name: 'others-between', image: 'agent:1' })
  })
}

function withInitLast(pod: Pod): Pod {
  return changed(pod, (spec) => {
    spec.initContainers?.push({ name: 'others-last-init', image: 'agent:1' })
  })
}
