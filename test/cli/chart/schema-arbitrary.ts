/** Random values that values.schema.json allows. */
import fc from 'fast-check'

interface Schema {
  $ref?: string
  enum?: unknown[]
  type?: string | string[]
  minimum?: number
  maximum?: number
  pattern?: string
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
}

/** Objects of other shapes than ours have (`affinity`) come from this list; they pass through as they are. */
const OPEN_OBJECTS = [
  {},
  { nodeAffinity: {} },
  { key: 'spot', operator: 'Exists', effect: 'NoSchedule' },
]

type Inner = (schema: Schema) => fc.Arbitrary<unknown>

export function valuesOfSchema(
  schema: Schema,
  definitions: Readonly<Record<string, Schema>>,
): fc.Arbitrary<unknown> {
  const inner: Inner = (one) => valuesOfSchema(one, definitions)
  const { $ref, type, pattern, minimum = 0, maximum = 9999, items = {} } = schema
  if ($ref !== undefined) return inner(definitions[$ref.replace('#/definitions/', '')] ?? {})
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => inner({ ...schema, type: one })))
  switch (type) {
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer({ min: minimum, max: maximum })
    case 'string':
      return pattern
        ? fc.stringMatching(new RegExp(pattern), { size: 'xsmall' })
        : fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/)
    case 'array':
      return fc.uniqueArray(inner(items), {
        maxLength: 3,
        comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      })
    default:
      return objects(schema, inner)
  }
}

function objects(schema: Schema, inner: Inner): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length > 0) {
    const fields = Object.fromEntries(properties.map(([key, one]) => [key, inner(one)]))
    return fc.record(fields, { requiredKeys: schema.required ?? [] })
  }
  const others = schema.additionalProperties
  if (typeof others !== 'object') return fc.constantFrom(...OPEN_OBJECTS)
  return fc.dictionary(fc.constantFrom('cpu', 'memory', 'example.com/a'), inner(others), {
    maxKeys: 2,
    noNullPrototype: true,
  })
}
