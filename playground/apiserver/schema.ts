/**
 * The types of the built-in kinds, field by field, read from the typed models of the Kubernetes
 * client: what a field holds and how it is merged.
 */
import * as models from '@kubernetes/client-node'
import {
  ATOMIC_MAPS,
  ATOMIC_TYPES,
  KEYED_LISTS,
  type ListKeys,
  QUANTITY_FIELDS,
  SETS,
} from './merge-keys.ts'

export type FieldType =
  | { is: 'string' | 'integer' | 'number' | 'boolean' | 'intOrString' | 'quantity' | 'any' }
  | { is: 'list'; element: FieldType; merge: 'atomic' | 'set' | ListKeys }
  | { is: 'map'; value: FieldType; atomic: boolean }
  | { is: 'struct'; name: string; atomic: boolean }

type Struct = ReadonlyMap<string, FieldType>

interface Attribute {
  baseName: string
  type: string
  format: string
}

const structs = new Map<string, Struct>()

function attributesOf(type: string): Attribute[] | undefined {
  return (models as unknown as Record<string, { attributeTypeMap?: Attribute[] }>)[type]
    ?.attributeTypeMap
}

/** Fields of a struct by their names on the wire. Throws if there is no such type. */
export function fieldsOf(struct: string): Struct {
  let fields = structs.get(struct)
  if (fields) return fields
  if (struct === CUSTOM) fields = customFields()
  else {
    const attributes = attributesOf(struct)
    if (!attributes) throw new Error(`the Kubernetes client has no type ${struct}`)
    fields = new Map(
      attributes.map((attribute) => [attribute.baseName, fieldType(struct, attribute)]),
    )
  }
  structs.set(struct, fields)
  return fields
}

/** Stands for the type of custom resources: their metadata is known, the rest is free. */
const CUSTOM = 'CustomResource'

function customFields(): Struct {
  return new Map<string, FieldType>([
    ['apiVersion', { is: 'string' }],
    ['kind', { is: 'string' }],
    ['metadata', { is: 'struct', name: 'V1ObjectMeta', atomic: false }],
  ])
}

/** The type of a resource's objects. @param type as the resource table has it */
export function rootType(type: string | null): FieldType & { is: 'struct' } {
  return { is: 'struct', name: type ?? CUSTOM, atomic: false }
}

/** The type of one field; `any` below free-form objects, undefined if a struct has no such field. */
export function childType(type: FieldType, field: string): FieldType | undefined {
  if (type.is === 'map') return type.value
  if (type.is === 'any') return type
  if (type.is !== 'struct') return undefined
  return fieldsOf(type.name).get(field) ?? (type.name === CUSTOM ? { is: 'any' } : undefined)
}

function fieldType(struct: string, { baseName, type, format }: Attribute): FieldType {
  const path = `${struct}.${baseName}`
  const quantity = QUANTITY_FIELDS.has(baseName)
  const list = /^Array<(.*)>$/.exec(type)?.[1]
  if (list !== undefined) {
    const merge = KEYED_LISTS[path] ?? (SETS.has(path) ? 'set' : 'atomic')
    return { is: 'list', element: plainType(list, format, false), merge }
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1]
  if (map !== undefined) {
    return { is: 'map', value: plainType(map, format, quantity), atomic: ATOMIC_MAPS.has(path) }
  }
  return plainType(type, format, quantity)
}

function plainType(type: string, format: string, quantity: boolean): FieldType {
  const inner = /^Array<(.*)>$/.exec(type)?.[1]
  if (inner !== undefined) {
    return { is: 'list', element: plainType(inner, format, false), merge: 'atomic' }
  }
  if (type === 'string') return { is: quantity ? 'quantity' : 'string' }
  if (type === 'number') return { is: format.startsWith('int') ? 'integer' : 'number' }
  if (type === 'boolean') return { is: 'boolean' }
  if (type === 'IntOrString') return { is: 'intOrString' }
  if (type === 'Date' || type === 'V1MicroTime') return { is: 'string' }
  if (attributesOf(type)) {
    return { is: 'struct', name: type, atomic: ATOMIC_TYPES.has(type) }
  }
  return { is: 'any' }
}
