/** The forms in which a client may ask for objects: whole, metadata alone, or a table to print. */
import { badRequest } from './api-error.ts'
import type { ObjectList } from './list.ts'
import type { ApiObject, JsonObject } from './object.ts'
import { columnsOf } from './table-columns.ts'

export type Form =
  | { as: 'object' }
  | { as: 'metadata' }
  /** `withObject`: what each row carries besides its cells. */
  | { as: 'table'; withObject: 'None' | 'Metadata' | 'Object' }

/** Reads the form from the Accept header; the first that we have wins. */
export function formOf(accept: string, query: URLSearchParams): Form {
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') continue
    const as = parameters.find((one) => one.startsWith('as='))?.slice(3)
    if (as === undefined) return { as: 'object' }
    if (as.startsWith('PartialObjectMetadata')) return { as: 'metadata' }
    if (as === 'Table') return { as: 'table', withObject: includeObject(query) }
  }
  return { as: 'object' }
}

function includeObject(query: URLSearchParams): 'None' | 'Metadata' | 'Object' {
  const value = query.get('includeObject') ?? 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw badRequest(`includeObject=${value}: it must be None, Metadata or Object`)
}

export function renderObject(object: ApiObject, form: Form, now: Date): JsonObject {
  if (form.as === 'object') return object
  if (form.as === 'metadata') return metadataOf(object)
  return table(object.kind, [object], object.metadata.resourceVersion, form.withObject, now)
}

export function renderList(list: ObjectList, form: Form, now: Date): JsonObject {
  if (form.as === 'object') return { ...list }
  if (form.as === 'metadata') {
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: list.metadata,
      items: list.items.map(metadataOf),
    }
  }
  const kind = list.kind.slice(0, -'List'.length)
  const rows = table(kind, list.items, list.metadata.resourceVersion, form.withObject, now)
  return { ...rows, metadata: list.metadata }
}

function metadataOf({ metadata }: ApiObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

function table(
  kind: string,
  objects: ApiObject[],
  resourceVersion: string,
  withObject: 'None' | 'Metadata' | 'Object',
  now: Date,
): JsonObject {
  const columns = columnsOf(kind)
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    columnDefinitions: columns.map(({ name, wide }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ value }) => value(object, now)),
      ...(withObject === 'Metadata' && { object: metadataOf(object) }),
      ...(withObject === 'Object' && { object }),
    })),
  }
}
