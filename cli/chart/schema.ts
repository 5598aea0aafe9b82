/** Holds values to values.schema.json, so that a typing error is told before anything is changed. */
import { nearest } from '../nearest.ts'
import { isMap } from './functions.ts'

type Schema = Record<string, unknown>

/** What our schema may use; another keyword is an error, because it would silently allow everything. */
const KEYWORDS = new Set([
  '$schema',
  '$ref',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'type',
  'properties',
  'additionalProperties',
  'required',
  'items',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'anyOf',
])

/** One sentence a fault, each with the value's path: `image.tga: there is no such value`. */
export function faultsOfValues(schema: unknown, values: unknown): string[] {
  const definitions = isMap(schema) && isMap(schema['definitions']) ? schema['definitions'] : {}
  return faultsOf(schema, values, { path: '', definitions })
}

/** Where a value stands, and what `$ref` may name. */
interface Place {
  path: string
  definitions: Schema
}

function faultsOf(schema: unknown, value: unknown, place: Place): string[] {
  const { path } = place
  if (schema === true) return []
  if (!isMap(schema)) return [`${name(path)}: there is no such value`]
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword))
  if (unknown !== undefined) {
    throw new Error(`values.schema.json: "${unknown}" at ${name(path)} is not known here`)
  }
  if (schema['$ref'] !== undefined) return faultsOf(referred(schema['$ref'], place), value, place)
  return [
    ...faultsOfType(schema, value, place),
    ...faultsOfScalar(schema, value, path),
    ...faultsOfItems(schema, value, place),
    ...faultsOfFields(schema, value, place),
  ]
}

function referred(reference: unknown, { path, definitions }: Place): unknown {
  const named = /^#\/definitions\/(\w+)$/.exec(String(reference))?.[1]
  if (named !== undefined && definitions[named] !== undefined) return definitions[named]
  throw new Error(`values.schema.json: "${reference}" at ${name(path)} leads nowhere`)
}

function name(path: string): string {
  return path === '' ? 'the values' : path
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function faultsOfType({ type, anyOf }: Schema, value: unknown, place: Place): string[] {
  const types = type === undefined ? [] : [type].flat()
  const own = typeOf(value)
  const fits = types.includes(own) || (own === 'integer' && types.includes('number'))
  if (types.length > 0 && !fits)
    return [`${name(place.path)}: expected ${types.join(' or ')}, not ${own}`]
  if (!Array.isArray(anyOf)) return []
  const faults = anyOf.map((one) => faultsOf(one, value, place))
  return faults.some((list) => list.length === 0) ? [] : (faults[0] ?? [])
}

function faultsOfScalar(schema: Schema, value: unknown, path: string): string[] {
  const shown = JSON.stringify(value)
  const { pattern, minimum, maximum, minLength, maxLength } = schema
  const faults: string[] = []
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) {
    faults.push(`${shown} is none of ${schema['enum'].map((one) => one || '""').join(', ')}`)
  }
  if (typeof value === 'string') {
    if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) {
      // A pattern is for machines; beside each of ours stands what it means.
      faults.push(`${shown} is not ${schema['description'] ?? `of the form ${pattern}`}`)
    }
    if (typeof minLength === 'number' && value.length < minLength) faults.push('it is too short')
    if (typeof maxLength === 'number' && value.length > maxLength) faults.push('it is too long')
  }
  if (typeof value === 'number') {
    if (typeof minimum === 'number' && value < minimum) faults.push(`${value} is below ${minimum}`)
    if (typeof maximum === 'number' && value > maximum) faults.push(`${value} is above ${maximum}`)
  }
  return faults.map((fault) => `${name(path)}: ${fault}`)
}

function faultsOfItems(schema: Schema, value: unknown, place: Place): string[] {
  if (!Array.isArray(value)) return []
  const { path } = place
  const { items, minItems, maxItems, uniqueItems } = schema
  const faults: string[] = []
  if (typeof minItems === 'number' && value.length < minItems) {
    faults.push(`${name(path)}: needs ${minItems} or more items`)
  }
  if (typeof maxItems === 'number' && value.length > maxItems) {
    faults.push(`${name(path)}: may have ${maxItems} items at most`)
  }
  if (
    uniqueItems === true &&
    new Set(value.map((one) => JSON.stringify(one))).size < value.length
  ) {
    faults.push(`${name(path)}: has an item twice`)
  }
  if (items === undefined) return faults
  return [
    ...faults,
    ...value.flatMap((item, index) =>
      faultsOf(items, item, { ...place, path: `${path}[${index}]` }),
    ),
  ]
}

function noSuchValue(path: string, key: string, properties: Schema): string {
  const meant = nearest(key, Object.keys(properties))
  return `${path}: there is no such value${meant === null ? '' : `; did you mean ${meant}?`}`
}

function faultsOfFields(schema: Schema, value: unknown, place: Place): string[] {
  if (!isMap(value)) return []
  const { path } = place
  const properties = isMap(schema['properties']) ? schema['properties'] : {}
  const others = schema['additionalProperties'] ?? true
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  const below = (key: string) => (path === '' ? key : `${path}.${key}`)
  return [
    ...required
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => `${below(String(key))}: is missing`),
    ...Object.entries(value).flatMap(([key, field]) => {
      const isKnown = Object.hasOwn(properties, key)
      if (!isKnown && others === false) return [noSuchValue(below(key), key, properties)]
      return faultsOf(isKnown ? properties[key] : others, field, { ...place, path: below(key) })
    }),
  ]
}
