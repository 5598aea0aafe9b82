/**
 * Writes playground/apiserver/protobuf-fields.txt: the field numbers of the Kubernetes messages.
 * kubectl and helm send typed objects as protobuf; the numbers come from the descriptors that
 * kubectl itself carries. Run it again after a new kubectl: node scripts/protobuf-fields.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { numberOf, readFields, textOf } from '../playground/apiserver/protobuf-wire.ts'
import { kubernetesTools } from '../playground/kubectl.ts'

const TARGET = join(import.meta.dirname, '../playground/apiserver/protobuf-fields.txt')

/** Packages of the messages that the playground's API server takes, and their short names. */
const PACKAGES: Record<string, string> = {
  'k8s.io.apimachinery.pkg.apis.meta.v1': 'meta.v1',
  'k8s.io.apimachinery.pkg.api.resource': 'resource',
  'k8s.io.apimachinery.pkg.util.intstr': 'intstr',
  'k8s.io.apimachinery.pkg.runtime': 'runtime',
  ...Object.fromEntries(
    [
      'admissionregistration.v1',
      'apps.v1',
      'authentication.v1',
      'authorization.v1',
      'autoscaling.v1',
      'autoscaling.v2',
      'batch.v1',
      'coordination.v1',
      'core.v1',
      'discovery.v1',
      'events.v1',
      'networking.v1',
      'policy.v1',
      'rbac.v1',
      'scheduling.v1',
      'storage.v1',
    ].map((name) => [`k8s.io.api.${name}`, name]),
  ),
}

/** How a descriptor that was gzipped by the Go generator begins. */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff])
/** Longest packed descriptor, in bytes; the largest is about 20 KB. */
const MAX_PACKED = 65_536

/** One-letter names of the scalar types, by their number in FieldDescriptorProto. */
const SCALARS: Record<number, string> = {
  1: 'd',
  3: 'i',
  5: 'i',
  8: 'b',
  9: 's',
  12: 'y',
}
const MESSAGE = 11
const REPEATED = 3

interface Field {
  number: number
  name: string
  repeated: boolean
  type: number
  typeName: string
}

interface Message {
  name: string
  fields: Field[]
  nested: Message[]
}

function* descriptors(binary: Buffer): Generator<Uint8Array> {
  for (let at = binary.indexOf(GZIP_HEAD); at >= 0; at = binary.indexOf(GZIP_HEAD, at + 1)) {
    try {
      yield gunzipSync(binary.subarray(at, at + MAX_PACKED), { finishFlush: 2 })
    } catch {
      // Something else that begins alike.
    }
  }
}

function readMessage(bytes: Uint8Array): Message {
  const message: Message = { name: '', fields: [], nested: [] }
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) message.name = textOf(value)
    if (number === 2) message.fields.push(readField(value as Uint8Array))
    if (number === 3) message.nested.push(readMessage(value as Uint8Array))
  }
  return message
}

function readField(bytes: Uint8Array): Field {
  const field: Field = { number: 0, name: '', repeated: false, type: 0, typeName: '' }
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) field.name = textOf(value)
    if (number === 3) field.number = numberOf(value)
    if (number === 4) field.repeated = numberOf(value) === REPEATED
    if (number === 5) field.type = numberOf(value)
    if (number === 6) field.typeName = textOf(value).slice(1)
  }
  return field
}

function shortName(typeName: string): string {
  const dot = typeName.lastIndexOf('.')
  const known = PACKAGES[typeName.slice(0, dot)]
  return `${known ?? typeName.slice(0, dot)}.${typeName.slice(dot + 1)}`
}

/** `*` before the type of a list, `%` before the type of a map's values. */
function typeText(field: Field, nested: readonly Message[]): string {
  if (field.type !== MESSAGE) return `${field.repeated ? '*' : ''}${SCALARS[field.type] ?? '?'}`
  const entry = nested.find(({ name }) => field.typeName.endsWith(`.${name}`))
  const value = entry?.fields.find(({ name }) => name === 'value')
  if (value) return `%${typeText(value, [])}`
  return `${field.repeated ? '*' : ''}${shortName(field.typeName)}`
}

const { kubectl } = await kubernetesTools()
const lines: string[] = []
for (const descriptor of descriptors(readFileSync(kubectl))) {
  const fields = readFields(descriptor)
  const pack = fields.find(({ number }) => number === 2)
  const short = pack && pack.value instanceof Uint8Array ? PACKAGES[textOf(pack.value)] : undefined
  if (!short) continue
  for (const { number, value } of fields) {
    if (number !== 4) continue
    const message = readMessage(value as Uint8Array)
    // Lists are only ever sent by the server.
    if (message.name.endsWith('List')) continue
    const list = message.fields.map(
      (field) => `${field.number}=${field.name}:${typeText(field, message.nested)}`,
    )
    lines.push([`${short}.${message.name}`, ...list].join(' '))
  }
}
writeFileSync(TARGET, `${lines.sort().join('\n')}\n`)
console.log(`${lines.length} messages written to ${TARGET}`)
