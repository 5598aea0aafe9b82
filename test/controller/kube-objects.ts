/** Kubernetes objects for tests, as short as the API server would take them. */
import type { EndpointSlice, Namespace, Pod, Service } from '../../core/kube/types.ts'
import { LABEL } from '../../core/names.ts'

export function space(name: string, parent?: string): Namespace {
  const labels = { [LABEL.space]: 'true', ...(parent ? { [LABEL.parentSpace]: parent } : {}) }
  return { metadata: { name, labels } }
}

export function service(
  namespace: string,
  name: string,
  spec: Partial<Service['spec']> = {},
): Service {
  return {
    metadata: { namespace, name },
    spec: {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      selector: { app: name },
      ports: [{ port: 80, targetPort: 8080 }],
      ...spec,
    },
  }
}

/** @param endpoints addresses, or whole endpoints */
export function slice(
  namespace: string,
  serviceName: string,
  endpoints: (string | NonNullable<EndpointSlice['endpoints']>[number])[],
  rest: Partial<EndpointSlice> = {},
): EndpointSlice {
  return {
    metadata: {
      namespace,
      name: `${serviceName}-abc`,
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    ...rest,
    endpoints: endpoints.map((one) =>
      typeof one === 'string' ? { addresses: [one], conditions: { ready: true } } : one,
    ),
  }
}

export function pod(
  namespace: string,
  name: string,
  labels: Record<string, string>,
  ports: { name?: string; containerPort: number; protocol?: string }[] = [],
): Pod {
  return {
    metadata: { namespace, name, labels: { ...labels, [LABEL.instrumented]: 'true' } },
    spec: { containers: [{ name: 'app', ports }] },
  }
}
