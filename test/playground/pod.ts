/** A pod for tests: the smallest one, with what a test wants different. */
import type { ContainerSpec, PodView } from '../../playground/node/pod-view.ts'

export function pod(spec: Partial<PodView['spec']> = {}, name = 'web-1'): PodView {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'dev', uid: 'uid-1', labels: { app: 'web' } },
    spec: { containers: [container('app')], ...spec },
  }
}

export function container(name: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name, image: 'playground/shell', ...more }
}
