/**
 * Reads a body as its kind: fields that the kind does not have are dropped and reported, values of
 * the wrong type are refused, nulls vanish.
 */
import { badRequest } from './api-error.ts'
import { isObject, type JsonObject } from './object.ts'
import { childType, type FieldType, rootType } from './schema.ts'

export interface Normalized {
  object: JsonObject
  /** `unknown field "spec.foo"`, one for each. */
  unknown: string[]
}

/**
 * Throws 400 where a value has the wrong type.
 * @param type as the resource table has it
 */
export function normalize(type: string | null, kind: string, body: JsonObject): Normalized {
  const unknown: string[] = []
  const root = rootType(type)

  const read = (value: unknown, expected: FieldType, path: string): unknown => {
    switch (expected.is) {
      case 'any':
        return value
      case 'list':
        if (!Array.isArray(value)) throw wrongType(kind, path, value, 'list')
        return value.map((item, i) => read(item, expected.element, `${path}[${i}]`))
      case 'map':
      case 'struct':
        if (!isObject(value)) throw wrongType(kind, path, value, 'object')
        return readFields(value, expected, path)
      default:
        return readPlain(value, expected.is, path)
    }
  }

  const readFields = (value: JsonObject, expected: FieldType, path: string): JsonObject => {
    const result: JsonObject = {}
    for (const [field, inner] of Object.entries(value)) {
      const innerPath = path ? `${path}.${field}` : field
      const innerType = childType(expected, field)
      if (!innerType) {
        unknown.push(`unknown field "${innerPath}"`)
        continue
      }
      if (inner === null && innerType.is !== 'any') {
        // A map may hold empty values; a null field is one that is not there.
        if (expected.is === 'map' && innerType.is === 'string') result[field] = ''
        continue
      }
      result[field] = read(inner, innerType, innerPath)
    }
    return result
  }

  const readPlain = (value: unknown, expected: string, path: string): unknown => {
    const is = typeof value
    if (expected === 'quantity' && is === 'number') return String(value)
    if (expected === 'intOrString' && (is === 'number' || is === 'string')) return value
    if (expected === 'string' || expected === 'quantity') {
      if (is !== 'string') throw wrongType(kind, path, value, 'string')
    } else if (expected === 'integer') {
      if (!Number.isInteger(value)) throw wrongType(kind, path, value, 'integer')
    } else if (is !== expected) throw wrongType(kind, path, value, expected)
    return value
  }

  return { object: readFields(body, root, ''), unknown }
}

function wrongType(kind: string, path: string, value: unknown, expected: string) {
  const found = Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value
  return badRequest(
    `${kind} in the request cannot be read: field "${path}" is a ${found}, it must be a ${expected}`,
  )
}
