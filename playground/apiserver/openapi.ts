/**
 * OpenAPI v3 documents, made from the schema on demand: enough for clients to see what exists, that
 * the server validates fields itself, and how lists are merged.
 */
import type { JsonObject } from './object.ts'
import { apiVersionOf, type Registry, type Resource } from './resources.ts'
import { type FieldType, fieldsOf } from './schema.ts'

/** `/openapi/v3`. @param others paths that other servers have documents for */
export function openApiRoot(registry: Registry, others: readonly string[] = []): JsonObject {
  const paths: JsonObject = {}
  for (const path of [...registry.all().map(pathOf), ...others]) {
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}` }
  }
  return { paths }
}

function pathOf(resource: Resource): string {
  return `${resource.group ? 'apis' : 'api'}/${apiVersionOf(resource)}`
}

/** `/openapi/v3/<path>`; null if there is no such group and version. */
export function openApiDocument(registry: Registry, path: string): JsonObject | null {
  const resources = registry.all().filter((resource) => pathOf(resource) === path)
  if (resources.length === 0) return null
  const schemas: JsonObject = {}
  const paths: JsonObject = {}
  for (const resource of resources) {
    const schema = addKind(schemas, resource)
    const base = resource.namespaced
      ? `/${path}/namespaces/{namespace}/${resource.plural}`
      : `/${path}/${resource.plural}`
    paths[base] = {
      get: operation(resource, 'list', schema),
      post: operation(resource, 'post', schema),
    }
    if (resource.createOnly) continue
    paths[`${base}/{name}`] = {
      get: operation(resource, 'get', schema),
      put: operation(resource, 'put', schema),
      patch: operation(resource, 'patch', schema),
      delete: operation(resource, 'delete', schema),
    }
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.0' },
    paths,
    components: { schemas },
  }
}

function gvkOf({ group, version, kind }: Resource): JsonObject {
  return { group, version, kind }
}

function operation(resource: Resource, action: string, schema: string): JsonObject {
  const writes = ['post', 'put', 'patch'].includes(action)
  const names = writes ? ['dryRun', 'fieldManager', 'fieldValidation'] : ['dryRun']
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(resource),
    parameters: names.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
    responses: {
      200: {
        description: 'OK',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
    },
  }
}

function addKind(schemas: JsonObject, resource: Resource): string {
  const group = resource.group || 'core'
  if (resource.type === null) {
    const name = `${group}.${resource.version}.${resource.kind}`
    schemas[name] = {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      'x-kubernetes-group-version-kind': [gvkOf(resource)],
    }
    return name
  }
  addStruct(schemas, resource.type)
  const root = schemas[nameOf(resource.type)] as JsonObject
  root['x-kubernetes-group-version-kind'] = [gvkOf(resource)]
  return nameOf(resource.type)
}

function nameOf(type: string): string {
  return `io.k8s.api.${type}`
}

function addStruct(schemas: JsonObject, type: string): void {
  const name = nameOf(type)
  if (name in schemas) return
  const properties: JsonObject = {}
  schemas[name] = { type: 'object', properties }
  for (const [field, fieldType] of fieldsOf(type)) properties[field] = schemaOf(schemas, fieldType)
}

function schemaOf(schemas: JsonObject, type: FieldType): JsonObject {
  switch (type.is) {
    case 'list': {
      const schema: JsonObject = { type: 'array', items: schemaOf(schemas, type.element) }
      if (type.merge === 'atomic' || type.merge === 'set') {
        return { ...schema, 'x-kubernetes-list-type': type.merge }
      }
      const { keys, patchKey = keys[0] } = type.merge
      return {
        ...schema,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': keys,
        'x-kubernetes-patch-merge-key': patchKey,
        'x-kubernetes-patch-strategy': 'merge',
      }
    }
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(schemas, type.value) }
    case 'struct':
      addStruct(schemas, type.name)
      return {
        allOf: [{ $ref: `#/components/schemas/${nameOf(type.name)}` }],
        ...(type.atomic && { 'x-kubernetes-map-type': 'atomic' }),
      }
    case 'intOrString':
    case 'quantity':
      return { oneOf: [{ type: 'string' }, { type: 'number' }] }
    case 'any':
      return { 'x-kubernetes-preserve-unknown-fields': true }
    default:
      return { type: type.is }
  }
}
