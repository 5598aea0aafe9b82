/** Objects that the scenarios apply: spaces, and services of the sample app as its manifests have them. */
import type { KubeObject } from '../../../core/kube/types.ts'
import { LABEL } from '../../../core/names.ts'

export interface ShopService {
  namespace: string
  service: string
  /** Services that it calls, by name. */
  calls?: string[]
  /** Headers that it passes on; default `traceparent`. */
  forwardHeaders?: string
  version?: string
  /** It is ready as long as this file exists in its container; default: as soon as it answers. */
  readyFile?: string
  /** Labels and annotations of the pods. */
  podLabels?: Record<string, string>
}

/** @param parent null for a root */
export function space(name: string, parent: string | null): KubeObject {
  const labels = { [LABEL.space]: 'true', ...(parent !== null && { [LABEL.parentSpace]: parent }) }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

/** A Service with its Deployment. */
export function shopService(wanted: ShopService): KubeObject[] {
  return [serviceOf(wanted.namespace, wanted.service), deployment(wanted)]
}

export function serviceOf(namespace: string, name: string): KubeObject {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { app: name } },
    spec: { selector: { app: name }, ports },
  } as KubeObject
}

export function deployment(wanted: ShopService): KubeObject {
  const { namespace, service, podLabels = {} } = wanted
  const labels = { app: service }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: service, namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, ...podLabels } },
        spec: { terminationGracePeriodSeconds: 5, containers: [container(wanted)] },
      },
    },
  } as KubeObject
}

function container(wanted: ShopService) {
  const { service, calls = [], forwardHeaders = 'traceparent', version = 'v1' } = wanted
  return {
    name: service,
    image: `azds-sample/${service}:${version}`,
    env: [
      { name: 'CALLS', value: calls.map((name) => `http://${name}`).join(',') },
      { name: 'FORWARD_HEADERS', value: forwardHeaders },
      { name: 'SPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: {
      ...readiness(wanted.readyFile),
      periodSeconds: 1,
      failureThreshold: 1,
      // A machine that stands still for a second does not make it unready.
      timeoutSeconds: 10,
    },
    // It goes on answering those who have not heard yet that it has left its Service.
    lifecycle: { preStop: { sleep: { seconds: 1 } } },
  }
}

function readiness(file: string | undefined) {
  if (file === undefined) return { httpGet: { path: '/healthz', port: 'http' } }
  return { exec: { command: ['test', '-e', file] } }
}
