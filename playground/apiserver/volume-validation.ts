/** What is refused of a pod's volumes: two kinds in one, projections that would write one file twice. */
import type { FieldFault } from './api-error.ts'
import { invalidValue, notAllowedHere, required } from './field-faults.ts'
import { isObject, type JsonObject, valueAt } from './object.ts'
import { objectsOf } from './pod-defaults.ts'

const SOURCES = ['secret', 'configMap', 'downwardAPI', 'serviceAccountToken', 'clusterTrustBundle']
/** Shortest and longest lifetime of a projected token, in seconds. */
const TOKEN_SECONDS = { least: 600, most: 2 ** 32 }

export function volumeFaults(volume: JsonObject, at: string): FieldFault[] {
  const kinds = Object.keys(volume).filter((field) => field !== 'name')
  const faults: FieldFault[] = []
  if (!volume['name']) faults.push(required(`${at}.name`))
  for (const kind of kinds.slice(1)) {
    faults.push(notAllowedHere(`${at}.${kind}`, 'may not specify more than 1 volume type'))
  }
  const [kind] = kinds
  const source = kind === undefined ? undefined : volume[kind]
  if (kind === undefined) faults.push(required(at, 'Required value: must specify a volume type'))
  if (!isObject(source)) return faults
  faults.push(...modeFaults(source['defaultMode'], `${at}.${kind}.defaultMode`))
  if (kind === 'configMap' && !source['name']) faults.push(required(`${at}.configMap.name`))
  if (kind === 'secret' && !source['secretName']) faults.push(required(`${at}.secret.secretName`))
  if (kind === 'configMap' || kind === 'secret' || kind === 'downwardAPI') {
    faults.push(...itemFaults(source, `${at}.${kind}`))
  }
  if (kind === 'projected') faults.push(...projectedFaults(source, `${at}.projected`))
  return faults
}

function projectedFaults(projected: JsonObject, at: string): FieldFault[] {
  const faults: FieldFault[] = []
  const paths = new Set<string>()
  for (const [i, source] of objectsOf(projected['sources']).entries()) {
    const field = `${at}.sources[${i}]`
    const kinds = SOURCES.filter((kind) => isObject(source[kind]))
    for (const kind of kinds.slice(1)) {
      faults.push(
        notAllowedHere(`${field}.${kind}`, 'may not specify more than 1 volume type per source'),
      )
    }
    const [kind] = kinds
    if (kind === undefined) {
      faults.push(required(field, 'Required value: must specify a projected source'))
      continue
    }
    const inner = source[kind] as JsonObject
    faults.push(...sourceFaults(kind, inner, `${field}.${kind}`))
    for (const path of pathsOf(inner)) {
      if (paths.has(path)) {
        const rule = 'conflicting duplicate paths'
        faults.push(invalidValue(`${field}.${kind}`, path, rule))
      }
      paths.add(path)
    }
  }
  return faults
}

function sourceFaults(kind: string, source: JsonObject, at: string): FieldFault[] {
  if (kind === 'serviceAccountToken') return tokenFaults(source, at)
  const named = kind === 'configMap' || kind === 'secret'
  const faults = itemFaults(source, at)
  return named && !source['name'] ? [required(`${at}.name`), ...faults] : faults
}

function tokenFaults({ path, expirationSeconds }: JsonObject, at: string): FieldFault[] {
  const faults = pathFaults(path, `${at}.path`)
  if (expirationSeconds === undefined) return faults
  const seconds = Number(expirationSeconds)
  if (seconds < TOKEN_SECONDS.least) {
    const rule = 'may not specify a duration less than 10 minutes'
    faults.push(invalidValue(`${at}.expirationSeconds`, seconds, rule))
  }
  if (seconds > TOKEN_SECONDS.most) {
    const rule = 'may not specify a duration larger than 2^32 seconds'
    faults.push(invalidValue(`${at}.expirationSeconds`, seconds, rule))
  }
  return faults
}

function itemFaults(source: JsonObject, at: string): FieldFault[] {
  return objectsOf(source['items']).flatMap((item, i) => {
    const field = `${at}.items[${i}]`
    const byField = 'fieldRef' in item || 'resourceFieldRef' in item
    return [
      ...(byField || item['key'] ? [] : [required(`${field}.key`)]),
      ...pathFaults(item['path'], `${field}.path`),
      ...modeFaults(item['mode'], `${field}.mode`),
    ]
  })
}

function pathFaults(path: unknown, at: string): FieldFault[] {
  if (typeof path !== 'string' || path === '') return [required(at)]
  if (path.startsWith('/')) return [invalidValue(at, path, 'must be a relative path')]
  const steps = path.split('/')
  if (steps.includes('..')) return [invalidValue(at, path, "must not contain '..'")]
  return steps[0]?.startsWith('..') ? [invalidValue(at, path, "must not start with '..'")] : []
}

function modeFaults(mode: unknown, at: string): FieldFault[] {
  if (mode === undefined) return []
  const good = typeof mode === 'number' && mode >= 0 && mode <= 0o777
  const rule = 'must be a number between 0 and 0777 (octal), both inclusive'
  return good ? [] : [invalidValue(at, mode, rule)]
}

/** The files that a source names; without items they are known only from the object itself. */
function pathsOf(source: JsonObject): string[] {
  const own = source['path']
  const items = objectsOf(source['items']).map((item) => valueAt(item, ['path']))
  return [own, ...items].filter((path): path is string => typeof path === 'string')
}
