/** Which ConfigMaps and Secrets a pod names, and their data. */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import type { PodView } from './pod-view.ts'

export interface References {
  configMaps: string[]
  secrets: string[]
}

/** Names in env, envFrom and volumes, each once. */
export function referencesOf(pod: PodView): References {
  const configMaps = new Set<string | undefined>()
  const secrets = new Set<string | undefined>()
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      configMaps.add(configMapRef?.name)
      secrets.add(secretRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      configMaps.add(valueFrom?.configMapKeyRef?.name)
      secrets.add(valueFrom?.secretKeyRef?.name)
    }
  }
  for (const { configMap, secret, projected } of pod.spec.volumes ?? []) {
    configMaps.add(configMap?.name)
    secrets.add(secret?.secretName)
    for (const source of projected?.sources ?? []) {
      configMaps.add(source.configMap?.name)
      secrets.add(source.secret?.name)
    }
  }
  const named = (names: Set<string | undefined>) => [...names].filter((name) => name !== undefined)
  return { configMaps: named(configMaps), secrets: named(secrets) }
}

export interface ReferencedData {
  configMap(name: string): Record<string, string> | null
  /** Decoded to text. */
  secret(name: string): Record<string, string> | null
}

/** Reads what the pod refers to; an object that is not there gives null. */
export async function readReferences(client: KubeClient, pod: PodView): Promise<ReferencedData> {
  const { configMaps, secrets } = referencesOf(pod)
  const base = `/api/v1/namespaces/${pod.metadata.namespace}`
  const configData = new Map<string, Record<string, string>>()
  const secretData = new Map<string, Record<string, string>>()
  for (const name of configMaps) {
    const data = await dataOf(client, `${base}/configmaps/${name}`)
    if (data) configData.set(name, data)
  }
  for (const name of secrets) {
    const data = await dataOf(client, `${base}/secrets/${name}`)
    if (data) secretData.set(name, decoded(data))
  }
  return {
    configMap: (name) => configData.get(name) ?? null,
    secret: (name) => secretData.get(name) ?? null,
  }
}

async function dataOf(client: KubeClient, path: string): Promise<Record<string, string> | null> {
  try {
    const object = await client.get<KubeObject & { data?: Record<string, string> }>(path)
    return object.data ?? {}
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return null
    throw error
  }
}

function decoded(data: Record<string, string>): Record<string, string> {
  const entries = Object.entries(data)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  )
}
