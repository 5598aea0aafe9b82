/** What every cluster has from the start: namespaces, roles, and the service of the API server. */
import { internalWrite } from './caller.ts'
import type { Objects } from './objects.ts'
import { BOOTSTRAP } from './rbac/bootstrap.ts'
import { KUBERNETES_IP } from './service-addresses.ts'

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const

export async function seedCluster(objects: Objects): Promise<void> {
  const write = internalWrite('kube-apiserver')
  const namespaces = objects.registry.builtIn('v1', 'namespaces')
  for (const name of NAMESPACES) {
    await objects.create({ resource: namespaces, namespace: null }, { metadata: { name } }, write)
  }
  for (const { plural, namespace, body } of BOOTSTRAP) {
    const resource = objects.registry.builtIn('rbac.authorization.k8s.io/v1', plural)
    await objects.create({ resource, namespace }, body, write)
  }
  const services = objects.registry.builtIn('v1', 'services')
  await objects.create(
    { resource: services, namespace: 'default' },
    {
      metadata: {
        name: 'kubernetes',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: {
        clusterIP: KUBERNETES_IP,
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      },
    },
    write,
  )
}
