/** What the servers behind this one say that they serve; the last that was heard of each. */
import { isObject, type JsonObject } from '../object.ts'
import { objectsOf } from '../pod-defaults.ts'
import type { AggregatedApi } from './api-services.ts'
import { askApi } from './ask.ts'
import type { ForwardContext } from './forward.ts'

/** The aggregated form of discovery, newest first. */
const AGGREGATED = [
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  'application/json',
].join(',')

export interface DiscoveredVersion {
  /** One entry of `versions` in the aggregated form, without its freshness. */
  version: JsonObject
  /** Paths below `/openapi/v3/` that it has documents for. */
  openApiPaths: string[]
}

/** Asks a server what it has of its group version; rejects if that cannot be learned. */
export async function discover(
  context: ForwardContext,
  api: AggregatedApi,
): Promise<DiscoveredVersion> {
  return { version: await versionOf(context, api), openApiPaths: await openApiOf(context, api) }
}

async function versionOf(context: ForwardContext, api: AggregatedApi): Promise<JsonObject> {
  const all = await askApi(context, api, '/apis', AGGREGATED).catch(() => null)
  if (all?.['kind'] === 'APIGroupDiscoveryList') {
    const group = objectsOf(all['items']).find(
      ({ metadata }) => isObject(metadata) && metadata['name'] === api.group,
    )
    const found = objectsOf(group?.['versions']).find(({ version }) => version === api.version)
    if (found) return { version: api.version, resources: found['resources'] ?? [] }
  }
  const list = await askApi(context, api, `/apis/${api.group}/${api.version}`)
  return { version: api.version, resources: fromLegacy(api, objectsOf(list['resources'])) }
}

/** An APIResourceList's resources in the aggregated form. */
function fromLegacy({ group, version }: AggregatedApi, resources: JsonObject[]): JsonObject[] {
  const kindOf = (one: JsonObject) => ({
    group: one['group'] || group,
    version: one['version'] || version,
    kind: one['kind'],
  })
  const isSub = ({ name }: JsonObject) => String(name).includes('/')
  return resources
    .filter((one) => !isSub(one))
    .map((one) => ({
      resource: one['name'],
      responseKind: kindOf(one),
      scope: one['namespaced'] ? 'Namespaced' : 'Cluster',
      singularResource: one['singularName'] ?? '',
      verbs: one['verbs'],
      ...(one['shortNames'] !== undefined && { shortNames: one['shortNames'] }),
      ...(one['categories'] !== undefined && { categories: one['categories'] }),
      subresources: resources
        .filter(({ name }) => String(name).startsWith(`${one['name']}/`))
        .map((sub) => ({
          subresource: String(sub['name']).split('/')[1],
          responseKind: kindOf(sub),
          verbs: sub['verbs'],
        })),
    }))
}

/** A server need not have any. */
async function openApiOf(context: ForwardContext, api: AggregatedApi): Promise<string[]> {
  const root = await askApi(context, api, '/openapi/v3').catch(() => null)
  const paths = root?.['paths']
  const wanted = `apis/${api.group}/${api.version}`
  return isObject(paths) ? Object.keys(paths).filter((path) => path === wanted) : []
}
