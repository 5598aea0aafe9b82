/**
 * The OpenAPI v2 document in the one form in which kubectl still asks for it: gnostic's protobuf. It has the
 * definitions of all kinds, by which `kubectl` looks at the items of a List before it sends them.
 */
import type { JsonObject } from './object.ts'
import { textField, wireField } from './protobuf-writer.ts'
import type { Registry, Resource } from './resources.ts'
import { type FieldType, fieldsOf } from './schema.ts'

/** As it is asked for; the answer's own type has no `@` in it, which RFC 2045 does not allow. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
export const OPENAPI_V2_ANSWER = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** Numbers of the fields that are written, as gnostic's `OpenAPIv2.proto` has them. */
const DOCUMENT = { swagger: 1, info: 2, paths: 8, definitions: 9 }
const INFO = { title: 1, version: 2 }
const NAMED = { name: 1, value: 2 }
const LIST = 1
const SCHEMA = {
  ref: 1,
  format: 2,
  additionalProperties: 21,
  type: 22,
  items: 23,
  properties: 25,
  extension: 31,
}
/** `Any.yaml`. */
const YAML = 2

/** The whole document. */
export function openApiV2(registry: Registry): Buffer {
  const kinds = new Map<string, Resource[]>()
  for (const resource of registry.all()) {
    if (resource.type === null) continue
    kinds.set(resource.type, [...(kinds.get(resource.type) ?? []), resource])
  }
  const written = new Set<string>()
  const definitions: Buffer[] = []
  const waiting = [...kinds.keys()]
  for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
    if (written.has(type)) continue
    written.add(type)
    const properties: Buffer[] = []
    for (const [field, fieldType] of fieldsOf(type)) {
      properties.push(wireField(LIST, named(field, schemaOf(fieldType, waiting))))
    }
    const schema = Buffer.concat([
      typeField('object'),
      wireField(SCHEMA.properties, Buffer.concat(properties)),
      extension('x-kubernetes-group-version-kind', (kinds.get(type) ?? []).map(gvkOf)),
    ])
    definitions.push(wireField(LIST, named(nameOf(type), schema)))
  }
  return Buffer.concat([
    textField(DOCUMENT.swagger, '2.0'),
    wireField(
      DOCUMENT.info,
      Buffer.concat([textField(INFO.title, 'Kubernetes'), textField(INFO.version, 'v1.34.0')]),
    ),
    wireField(DOCUMENT.paths, Buffer.alloc(0)),
    wireField(DOCUMENT.definitions, Buffer.concat(definitions)),
  ])
}

function gvkOf({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind }
}

function nameOf(type: string): string {
  return `io.k8s.api.${type}`
}

/** @param waiting gets the structs that are referred to */
function schemaOf(type: FieldType, waiting: string[]): Buffer {
  switch (type.is) {
    case 'list': {
      const items = wireField(LIST, schemaOf(type.element, waiting))
      return Buffer.concat([typeField('array'), wireField(SCHEMA.items, items)])
    }
    case 'map': {
      const values = wireField(LIST, schemaOf(type.value, waiting))
      return Buffer.concat([typeField('object'), wireField(SCHEMA.additionalProperties, values)])
    }
    case 'struct':
      waiting.push(type.name)
      return textField(SCHEMA.ref, `#/definitions/${nameOf(type.name)}`)
    case 'intOrString':
      return Buffer.concat([textField(SCHEMA.format, 'int-or-string'), typeField('string')])
    case 'quantity':
      return typeField('string')
    case 'any':
      return Buffer.alloc(0)
    default:
      return typeField(type.is)
  }
}

function named(name: string, value: Buffer): Buffer {
  return Buffer.concat([textField(NAMED.name, name), wireField(NAMED.value, value)])
}

function typeField(type: string): Buffer {
  return wireField(SCHEMA.type, textField(LIST, type))
}

/** JSON is YAML. */
function extension(name: string, value: readonly JsonObject[]): Buffer {
  if (value.length === 0) return Buffer.alloc(0)
  return wireField(SCHEMA.extension, named(name, textField(YAML, JSON.stringify(value))))
}
