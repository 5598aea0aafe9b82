/** Defaults of pods and pod templates, as a real API server fills them in. */
import { isObject, type JsonObject } from './object.ts'

/** Sets a field that is absent. */
export function fill(object: JsonObject, defaults: JsonObject): void {
  for (const [field, value] of Object.entries(defaults)) object[field] ??= value
}

export function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** Fills in a pod's spec, in place. */
export function defaultPodSpec(spec: JsonObject): void {
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
  })
  // The field's older name is still read by some clients.
  spec['serviceAccountName'] ??= spec['serviceAccount']
  if (spec['serviceAccountName'] === undefined) delete spec['serviceAccountName']
  else spec['serviceAccount'] = spec['serviceAccountName']
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of objectsOf(spec[list])) defaultContainer(container)
  }
  for (const volume of objectsOf(spec['volumes'])) defaultVolume(volume)
}

function defaultContainer(container: JsonObject): void {
  fill(container, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicyOf(String(container['image'] ?? '')),
    resources: {},
  })
  for (const port of objectsOf(container['ports'])) fill(port, { protocol: 'TCP' })
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (isObject(container[probe])) defaultProbe(container[probe])
  }
  if (isObject(container['lifecycle'])) {
    for (const hook of Object.values(container['lifecycle'])) {
      if (isObject(hook)) defaultHandler(hook)
    }
  }
  for (const variable of objectsOf(container['env'])) {
    const source = variable['valueFrom']
    if (!isObject(source)) continue
    if (isObject(source['fieldRef'])) fill(source['fieldRef'], { apiVersion: 'v1' })
  }
  const resources = container['resources']
  if (isObject(resources) && isObject(resources['limits'])) {
    // A limit without a request asks for as much as the limit.
    resources['requests'] = { ...resources['limits'], ...(resources['requests'] as JsonObject) }
  }
}

function pullPolicyOf(image: string): string {
  const tag = image.slice(image.lastIndexOf('/') + 1)
  return !tag.includes(':') || tag.endsWith(':latest') ? 'Always' : 'IfNotPresent'
}

function defaultProbe(probe: JsonObject): void {
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 })
  defaultHandler(probe)
}

function defaultHandler(handler: JsonObject): void {
  if (isObject(handler['httpGet'])) fill(handler['httpGet'], { path: '/', scheme: 'HTTP' })
  if (isObject(handler['grpc'])) fill(handler['grpc'], { service: '' })
}

/** 0644, the mode of files made from config maps, secrets and the downward API. */
const FILE_MODE = 0o644

function defaultVolume(volume: JsonObject): void {
  if (Object.keys(volume).length === 1) volume['emptyDir'] = {}
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    if (isObject(volume[source])) fill(volume[source], { defaultMode: FILE_MODE })
  }
  if (isObject(volume['hostPath'])) fill(volume['hostPath'], { type: '' })
  if (!isObject(volume['projected'])) return
  for (const source of objectsOf(volume['projected']['sources'])) {
    const token = source['serviceAccountToken']
    if (isObject(token)) fill(token, { expirationSeconds: 3600 })
  }
}
