/** How a program of ours finds the API server: a kubeconfig where it is told one, else its own pod's account. */
import { delimiter } from 'node:path'
import type { KubeClient } from './client.ts'
import { createInClusterClient } from './in-cluster.ts'

export interface ApiService {
  host: string
  port: string
}

/** Reads the variables that Kubernetes gives every container. */
export function apiServiceOf(env: Record<string, string | undefined>): ApiService | null {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  return host && port ? { host, port } : null
}

export interface ConnectOptions {
  /** Path of a kubeconfig, or several as KUBECONFIG lists them; null: none. */
  kubeconfig: string | null
  /** Where a pod finds the API server; null outside of a cluster. */
  service: ApiService | null
  /** Namespace of the program itself. */
  namespace: string
  /** Header `user-agent`: `azds-webhook/0.1.0`. */
  userAgent: string
  /** Folder of the pod's account; default: where Kubernetes mounts it. */
  directory?: string
}

/** @throws a sentence where no cluster is configured */
export async function connect(options: ConnectOptions): Promise<KubeClient> {
  const { kubeconfig, service, ...account } = options
  if (kubeconfig === null && service) return createInClusterClient({ ...service, ...account })
  // Loaded here only: the library behind it is larger than our programs.
  const { createKubeClient } = await import('./kubeconfig.ts')
  return createKubeClient({ kubeconfigs: kubeconfig?.split(delimiter).filter(Boolean) })
}
