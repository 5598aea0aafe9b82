/** The group's schemas, for `kubectl explain`. */
import { createHash } from 'node:crypto'
import { API_GROUP, API_VERSION } from '../../core/names.ts'
import { API_ROOT } from '../../core/trace-resource.ts'
import { RESOURCES } from './request.ts'

export const OPENAPI_V3_GROUP_PATH = `/openapi/v3${API_ROOT}`

const INFO = { title: 'devspaces', version: API_VERSION }

const DESCRIPTION: Record<keyof typeof RESOURCES, string> = {
  traces:
    'A trace as one namespace sees it: what was recorded there, what belongs to it as a space, and what the gateway sent to it.',
  sidecars: 'A sidecar whose routing feed is open, or a pod of a space that lacks one.',
  spaces: 'A namespace that is a space, with its place in the tree.',
}

const PROPERTIES: Record<keyof typeof RESOURCES, object> = {
  traces: {
    summary: { type: 'object', description: 'One line about the whole trace.' },
    records: {
      type: 'array',
      items: { type: 'object' },
      description: 'One for each side of each hop, where the trace is read by name.',
    },
  },
  sidecars: {
    status: {
      type: 'object',
      description: 'Since when it is connected and what it tells of itself; or why it is missing.',
    },
  },
  spaces: {
    spec: {
      type: 'object',
      properties: { parent: { type: 'string', description: 'The direct parent space.' } },
    },
    status: { type: 'object', description: 'Its path, its Services, and what is wrong with it.' },
  },
}

/**
 * For API servers that merge everything into one document: nothing, so that nothing of ours can spoil what
 * others say. Explanations come by version 3.
 */
export function openApiV2(): object {
  return { swagger: '2.0', info: INFO, paths: {}, definitions: {} }
}

export function openApiV3(): object {
  const schemas = (Object.keys(RESOURCES) as (keyof typeof RESOURCES)[]).map((resource) => {
    const { kind } = RESOURCES[resource]
    const schema = {
      type: 'object',
      description: DESCRIPTION[resource],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        ...PROPERTIES[resource],
      },
      'x-kubernetes-group-version-kind': [{ group: API_GROUP, version: API_VERSION, kind }],
    }
    return [`io.azds.${API_VERSION}.${kind}`, schema]
  })
  return {
    openapi: '3.0.0',
    info: INFO,
    paths: Object.fromEntries(
      Object.entries(RESOURCES).map(([resource, { namespaced, kind }]) => [
        `${API_ROOT}/${namespaced ? 'namespaces/{namespace}/' : ''}${resource}`,
        {
          get: {
            description: DESCRIPTION[resource as keyof typeof RESOURCES],
            responses: { 200: { description: 'OK' } },
            'x-kubernetes-action': 'list',
            'x-kubernetes-group-version-kind': { group: API_GROUP, version: API_VERSION, kind },
          },
        },
      ]),
    ),
    components: { schemas: Object.fromEntries(schemas) },
  }
}

/** Which documents of version 3 there are, each with a hash by which API servers know it again. */
export function openApiV3Index(): object {
  const hash = createHash('sha256').update(JSON.stringify(openApiV3())).digest('hex').toUpperCase()
  return {
    paths: {
      [API_ROOT.slice(1)]: { serverRelativeURL: `${OPENAPI_V3_GROUP_PATH}?hash=${hash}` },
    },
  }
}
