/**
 * Reads objects that clients send as `application/vnd.kubernetes.protobuf`, which `helm` and the
 * typed commands of `kubectl` do, into what they would have sent as JSON.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from './object.ts'
import { numberOf, readFields, textOf } from './protobuf-wire.ts'
import { splitGroupVersion } from './resources.ts'

export const PROTOBUF = 'application/vnd.kubernetes.protobuf'

/** What every such body begins with, so that it is not taken for anything else. */
const MAGIC = Buffer.from('k8s\0')

interface FieldRule {
  name: string
  type: string
}
type MessageRule = ReadonlyMap<number, FieldRule>

let rules: Map<string, MessageRule> | null = null

/** Written by scripts/protobuf-fields.ts. A line is a message: `core.v1.Secret 2=data:%y …`. */
function messageRule(name: string): MessageRule | undefined {
  rules ??= new Map(
    readFileSync(join(import.meta.dirname, 'protobuf-fields.txt'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [message = '', ...fields] = line.split(' ')
        return [message, new Map(fields.map(readRule))]
      }),
  )
  return rules.get(name)
}

function readRule(text: string): [number, FieldRule] {
  const [number, rest = ''] = text.split('=')
  const [name = '', type = ''] = rest.split(':')
  return [Number(number), { name, type }]
}

/** Throws an Error with a sentence for bytes that are no object, or one of an unknown kind. */
export function readProtobuf(bytes: Uint8Array): JsonObject {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new Error('it does not begin as a Kubernetes object in protobuf does')
  }
  const envelope = readMessage('runtime.Unknown', bytes.subarray(MAGIC.length), false)
  const { apiVersion = 'v1', kind = '' } = (envelope['typeMeta'] ?? {}) as JsonObject
  const name = messageOf(String(apiVersion), String(kind))
  if (!name) throw new Error(`the kind ${kind} in ${apiVersion} cannot be read from protobuf`)
  const raw = Buffer.from(String(envelope['raw'] ?? ''), 'base64')
  return { apiVersion, kind, ...readMessage(name, raw, true) }
}

/** The message of a kind; options such as DeleteOptions belong to every group. */
function messageOf(apiVersion: string, kind: string): string | null {
  const [group, version] = splitGroupVersion(apiVersion)
  const packageName = group === '' ? 'core' : group.split('.')[0]
  const candidates = [`${packageName}.${version}.${kind}`, `meta.v1.${kind}`]
  return candidates.find((name) => messageRule(name)) ?? null
}

/** Messages that stand for a plain value in JSON; null if that value is absent. */
const PLAIN: Record<string, (bytes: Uint8Array) => unknown> = {
  'meta.v1.Time': (bytes) => readTime(bytes, 0),
  'meta.v1.MicroTime': (bytes) => readTime(bytes, 6),
  'resource.Quantity': (bytes) => readMessage('resource.Quantity', bytes, false)['string'] ?? null,
  'meta.v1.FieldsV1': (bytes) => readJson(bytes, 'Raw', 'meta.v1.FieldsV1'),
  'runtime.RawExtension': (bytes) => readJson(bytes, 'raw', 'runtime.RawExtension'),
  'meta.v1.Verbs': (bytes) => readMessage('meta.v1.Verbs', bytes, false)['items'] ?? [],
  'authorization.v1.ExtraValue': (bytes) =>
    readMessage('authorization.v1.ExtraValue', bytes, false)['items'] ?? [],
  'intstr.IntOrString': (bytes) => {
    const { type, intVal, strVal } = readMessage('intstr.IntOrString', bytes, false)
    return type === 1 ? (strVal ?? '') : (intVal ?? 0)
  },
}

function readTime(bytes: Uint8Array, digits: number): string | null {
  const { seconds, nanos } = readMessage('meta.v1.Time', bytes, false)
  if (seconds === undefined) return null
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  if (digits === 0) return `${text}Z`
  const fraction = String(Math.floor(Number(nanos ?? 0) / 1000)).padStart(digits, '0')
  return `${text}.${fraction}Z`
}

function readJson(bytes: Uint8Array, field: string, message: string): unknown {
  const raw = readMessage(message, bytes, false)[field]
  return raw ? JSON.parse(Buffer.from(String(raw), 'base64').toString('utf8')) : null
}

/** Fields whose message is written into the object around it in JSON. */
const INLINE = new Set([
  'ephemeralContainerCommon',
  'handler',
  'ingressRuleValue',
  'localObjectReference',
  'persistentVolumeSource',
  'rule',
  'ruleWithOperations',
  'volumeSource',
])

/**
 * Fields where 0 or false says something else than their absence. All others are written by their
 * senders even if they were never set, and JSON leaves them out.
 */
const MEANT_ZERO = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'completions',
  'enableServiceLinks',
  'fsGroup',
  'gracePeriodSeconds',
  'orphanDependents',
  'parallelism',
  'partition',
  'readOnlyRootFilesystem',
  'replicas',
  'revisionHistoryLimit',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'terminationGracePeriodSeconds',
  'ttlSecondsAfterFinished',
])

/** @param dropZero leaves out zeros that nobody set */
function readMessage(message: string, bytes: Uint8Array, dropZero: boolean): JsonObject {
  const rule = messageRule(message)
  if (!rule) throw new Error(`the message ${message} is not known`)
  const object: JsonObject = {}
  for (const { number, value } of readFields(bytes)) {
    const field = rule.get(number)
    // A newer client may know fields that this table does not.
    if (!field) continue
    addField(object, field, value, dropZero)
  }
  return object
}

function addField(
  object: JsonObject,
  { name, type }: FieldRule,
  value: bigint | Uint8Array,
  dropZero: boolean,
): void {
  if (type.startsWith('*')) {
    const list = (object[name] ?? []) as unknown[]
    list.push(readValue(type.slice(1), value))
    object[name] = list
    return
  }
  if (type.startsWith('%')) {
    const entry = new Map(readFields(value as Uint8Array).map((one) => [one.number, one.value]))
    const key = textOf(entry.get(1) ?? new Uint8Array())
    const map = (object[name] ?? {}) as JsonObject
    map[key] = readValue(type.slice(1), entry.get(2) ?? new Uint8Array())
    object[name] = map
    return
  }
  const read = readValue(type, value)
  if (read === null) return
  if (INLINE.has(name) && typeof read === 'object') Object.assign(object, read)
  else if (dropZero && isUnset(name, read)) return
  else object[name] = read
}

function isUnset(name: string, value: unknown): boolean {
  if (value === '') return true
  return (value === 0 || value === false) && !MEANT_ZERO.has(name)
}

function readValue(type: string, value: bigint | Uint8Array): unknown {
  switch (type) {
    case 's':
      return textOf(value)
    case 'i':
      return numberOf(value)
    case 'b':
      return numberOf(value) !== 0
    case 'y':
      return Buffer.from(value as Uint8Array).toString('base64')
    case 'd':
      throw new Error('a number with a fraction cannot be read from protobuf')
    default: {
      if (typeof value === 'bigint') throw new Error(`a ${type} is written as a number`)
      const plain = PLAIN[type]
      return plain ? plain(value) : readMessage(type, value, true)
    }
  }
}
