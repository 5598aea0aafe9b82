/**
 * Tells the API server, and through it kubectl, which resources there are. Every form is answered that one of
 * 1.29 to 1.36 asks for: where one is refused, namespaces cannot be deleted (kubernetes#119662, #120359).
 */
import { API_GROUP, API_VERSION } from '../../core/names.ts'
import { API_GROUP_VERSION, API_ROOT } from '../../core/trace-resource.ts'
import { OPENAPI_V3_GROUP_PATH, openApiV2, openApiV3, openApiV3Index } from './openapi.ts'
import { RESOURCES } from './request.ts'

export interface Document {
  body: object
  contentType: string
}

const JSON_TYPE = 'application/json'
const VERSION = { groupVersion: API_GROUP_VERSION, version: API_VERSION }
const GROUP = {
  name: API_GROUP,
  versions: [VERSION],
  preferredVersion: VERSION,
}

const RESOURCE_LIST = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: API_GROUP_VERSION,
  resources: Object.entries(RESOURCES).map(([name, { namespaced, kind, singular, verbs }]) => ({
    name,
    singularName: singular,
    namespaced,
    kind,
    verbs,
  })),
}

/** All in one answer, as API servers since 1.26 ask for (apidiscovery.k8s.io). */
function aggregated(version: 'v2' | 'v2beta1') {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [
      {
        metadata: { name: API_GROUP, creationTimestamp: null },
        versions: [
          {
            version: API_VERSION,
            freshness: 'Current',
            resources: Object.entries(RESOURCES).map(
              ([resource, { namespaced, kind, singular, verbs }]) => ({
                resource,
                responseKind: { group: API_GROUP, version: API_VERSION, kind },
                scope: namespaced ? 'Namespaced' : 'Cluster',
                singularResource: singular,
                verbs,
              }),
            ),
          },
        ],
      },
    ],
  }
}

/** The first of the forms of an `Accept` header that we have; plain JSON if it names none. */
function groupsFor(accept: string): Document {
  for (const range of accept.split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim())
    if (type !== JSON_TYPE) continue
    const isAggregated =
      parameters.includes('as=APIGroupDiscoveryList') &&
      parameters.includes('g=apidiscovery.k8s.io')
    const version = (['v2', 'v2beta1'] as const).find((one) => parameters.includes(`v=${one}`))
    if (isAggregated && version) {
      const contentType = `${JSON_TYPE};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
      return { body: aggregated(version), contentType }
    }
    if (!parameters.some((parameter) => parameter.startsWith('as='))) break
  }
  const body = { kind: 'APIGroupList', apiVersion: 'v1', groups: [GROUP] }
  return { body, contentType: JSON_TYPE }
}

const DOCUMENTS: Record<string, object> = {
  [`/apis/${API_GROUP}`]: { kind: 'APIGroup', apiVersion: 'v1', ...GROUP },
  [API_ROOT]: RESOURCE_LIST,
  // Asked for together with /apis; there is nothing in it.
  '/api': { kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: [] },
  '/openapi/v2': openApiV2(),
  '/openapi/v3': openApiV3Index(),
  [OPENAPI_V3_GROUP_PATH]: openApiV3(),
}

/** @returns null where nothing is told at this path */
export function discoveryOf(path: string, accept = ''): Document | null {
  const plain = path.length > 1 ? path.replace(/\/$/, '') : path
  if (plain === '/apis') return groupsFor(accept)
  const body = Object.hasOwn(DOCUMENTS, plain) ? DOCUMENTS[plain] : undefined
  return body ? { body, contentType: JSON_TYPE } : null
}
