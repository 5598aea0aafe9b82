/** Whether an API server would take a pod: by two schemas that know nothing of each other, and by the references in it. */
import { Pod as PodModel } from 'kubernetes-models/v1/Pod'
import type { Container, Pod } from '../../../core/kube/types.ts'
import { setDefaults } from '../../../playground/apiserver/defaults.ts'
import { normalize } from '../../../playground/apiserver/normalize.ts'
import type { ApiObject } from '../../../playground/apiserver/object.ts'
import { addServiceAccount } from '../../../playground/apiserver/pod-admission.ts'
import { Registry } from '../../../playground/apiserver/resources.ts'
import { faultsOf } from '../../../playground/apiserver/validation.ts'

const PODS = new Registry().builtIn('v1', 'pods')

/** The pod as an API server decodes it: without nulls and unknown fields. Throws where a type is wrong. */
export function decoded(pod: Pod): Pod {
  const { object } = normalize(PODS.type, 'Pod', pod as never)
  return { ...object, apiVersion: 'v1', kind: 'Pod' } as unknown as Pod
}

/** What an API server does to a pod beside webhooks: defaults, and the token of its account. */
export function served(pod: Pod): Pod {
  const object = structuredClone(decoded(pod)) as unknown as ApiObject
  setDefaults(object)
  addServiceAccount(object, undefined)
  // Idempotent but for containers that have come since.
  return JSON.parse(JSON.stringify(object))
}

/** Sentences; none for a pod that is well. */
export function faultsOfPod(pod: Pod): string[] {
  return [...strictFaults(pod), ...modelFaults(pod), ...danglingReferences(pod)]
}

function strictFaults(pod: Pod): string[] {
  try {
    const { unknown } = normalize(PODS.type, 'Pod', pod as never)
    const object = decoded(pod) as unknown as ApiObject
    setDefaults(object)
    object.metadata.name ??= `${object.metadata.generateName ?? ''}x2x7z`
    const faults = faultsOf(PODS, object, null)
    return [...unknown, ...faults.map(({ field, message }) => `${field}: ${message}`)]
  } catch (error) {
    return [(error as Error).message]
  }
}

/** Knows types, enumerations and required fields, and lets unknown fields pass. */
function modelFaults(pod: Pod): string[] {
  try {
    new PodModel(decoded(pod) as never).validate()
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

function danglingReferences({ spec }: Pod): string[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name))
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  const names = all.map(({ name }) => name)
  return [
    ...duplicates('container', names),
    ...duplicates(
      'volume',
      (spec.volumes ?? []).map(({ name }) => name),
    ),
    ...all.flatMap((container) => faultsOfContainer(container, volumes)),
  ]
}

function duplicates(what: string, names: readonly string[]): string[] {
  return names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `${what} ${name} twice`)
}

function faultsOfContainer(container: Container, volumes: ReadonlySet<string>): string[] {
  const mounts = container.volumeMounts ?? []
  const paths = mounts.map(({ mountPath }) => mountPath)
  const missing = mounts.filter(({ name }) => !volumes.has(name)).map(({ name }) => name)
  return [
    ...missing.map((name) => `${container.name} mounts ${name}, which is no volume`),
    ...duplicates(`${container.name}: mount at`, paths),
  ]
}
