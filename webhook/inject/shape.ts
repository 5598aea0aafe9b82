/** Checks that a pod has the types which the injection relies on, so that nothing later can throw. */
import type { Pod } from '../../core/kube/types.ts'
import type { FieldError } from './facts.ts'
import { isObject, type JsonObject } from './json.ts'

export type ShapeResult = { ok: true; pod: Pod } | { ok: false; errors: FieldError[] }

/** Accepts any JSON value; names every field that we read and that has a wrong type. */
export function readPod(value: unknown): ShapeResult {
  const errors: FieldError[] = []
  const wrong = (field: string, expected: string) =>
    errors.push({ field, message: `expected ${expected}` })
  if (!isObject(value)) {
    wrong('(pod)', 'a JSON object of kind Pod')
    return { ok: false, errors }
  }
  if (value['kind'] !== undefined && value['kind'] !== 'Pod') wrong('kind', '"Pod"')
  checkMetadata(value['metadata'], wrong)
  checkSpec(value['spec'], wrong)
  return errors.length > 0 ? { ok: false, errors } : { ok: true, pod: value as unknown as Pod }
}

type Wrong = (field: string, expected: string) => void

function checkMetadata(metadata: unknown, wrong: Wrong): void {
  if (!isObject(metadata)) return void wrong('metadata', 'an object')
  for (const key of ['labels', 'annotations']) {
    const map = metadata[key]
    const sound = isAbsent(map) || (isObject(map) && Object.values(map).every(isTextOrNull))
    if (!sound) wrong(`metadata.${key}`, 'an object of strings')
  }
  const owners = metadata['ownerReferences']
  const sound =
    isAbsent(owners) ||
    (Array.isArray(owners) &&
      owners.every((owner) => isObject(owner) && isText(owner['kind']) && isText(owner['name'])))
  if (!sound) wrong('metadata.ownerReferences', 'a list of objects with kind and name')
}

function checkSpec(spec: unknown, wrong: Wrong): void {
  if (!isObject(spec)) return void wrong('spec', 'an object')
  const containers = spec['containers']
  if (!Array.isArray(containers) || containers.length === 0)
    wrong('spec.containers', 'a list of at least one container')
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    checkContainers(`spec.${list}`, spec[list], wrong)
  }
  checkSecurity('spec.securityContext', spec['securityContext'], wrong)
  checkTexts('spec', spec, ['dnsPolicy', 'restartPolicy'], wrong)
  checkObject('spec.nodeSelector', spec['nodeSelector'], wrong)
  checkObject('spec.os', spec['os'], wrong)
  checkResources('spec.resources', spec['resources'], wrong)
  checkNamed('spec.volumes', spec['volumes'], wrong)
}

/** Volumes, or a container's mounts of them. */
function checkNamed(field: string, list: unknown, wrong: Wrong): void {
  if (isAbsent(list)) return
  const sound = Array.isArray(list) && list.every((item) => isObject(item) && isText(item['name']))
  if (!sound) wrong(field, 'a list of objects with a name')
}

function checkContainers(field: string, list: unknown, wrong: Wrong): void {
  if (isAbsent(list)) return
  if (!Array.isArray(list)) return void wrong(field, 'a list')
  for (const [index, container] of list.entries()) {
    checkContainer(`${field}[${index}]`, container, wrong)
  }
}

function checkContainer(field: string, container: unknown, wrong: Wrong): void {
  if (!isObject(container)) return void wrong(field, 'an object')
  if (!isText(container['name'])) wrong(`${field}.name`, 'a string')
  checkTexts(field, container, ['image', 'imagePullPolicy', 'restartPolicy'], wrong)
  checkSecurity(`${field}.securityContext`, container['securityContext'], wrong)
  checkObject(`${field}.resources`, container['resources'], wrong)
  checkNamed(`${field}.volumeMounts`, container['volumeMounts'], wrong)
  const ports = container['ports']
  if (isAbsent(ports)) return
  if (!Array.isArray(ports)) return void wrong(`${field}.ports`, 'a list of objects')
  for (const [index, port] of ports.entries()) checkPort(`${field}.ports[${index}]`, port, wrong)
}

function checkPort(field: string, port: unknown, wrong: Wrong): void {
  if (!isObject(port)) return void wrong(field, 'an object')
  if (typeof port['containerPort'] !== 'number') wrong(`${field}.containerPort`, 'a number')
  checkTexts(field, port, ['name', 'protocol'], wrong)
}

function checkSecurity(field: string, context: unknown, wrong: Wrong): void {
  checkObject(field, context, wrong)
  if (!isObject(context) || isAbsent(context['runAsUser'])) return
  if (typeof context['runAsUser'] !== 'number') wrong(`${field}.runAsUser`, 'a number')
}

function checkTexts(field: string, object: JsonObject, keys: readonly string[], wrong: Wrong) {
  for (const key of keys) {
    if (!isAbsent(object[key]) && !isText(object[key])) wrong(`${field}.${key}`, 'a string')
  }
}

function checkResources(field: string, resources: unknown, wrong: Wrong): void {
  checkObject(field, resources, wrong)
  if (!isObject(resources)) return
  for (const key of ['limits', 'requests']) checkObject(`${field}.${key}`, resources[key], wrong)
}

function checkObject(field: string, value: unknown, wrong: Wrong): void {
  if (!isAbsent(value) && !isObject(value)) wrong(field, 'an object')
}

const isAbsent = (value: unknown): value is null | undefined =>
  value === undefined || value === null
/** The API server reads null in a map of strings as the empty string. */
const isTextOrNull = (value: unknown): boolean => value === null || isText(value)
const isText = (value: unknown): value is string => typeof value === 'string'
