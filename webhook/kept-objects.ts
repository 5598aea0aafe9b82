/**
 * What the webhook's copies keep of each object: what an injection reads, and no more. It bounds the memory, and each
 * collection of garbage, which walks over all that is kept.
 */
import type {
  KubeNode,
  LimitRange,
  Namespace,
  ObjectMeta,
  ResourceQuota,
  Service,
} from '../core/kube/types.ts'
import { spaceOf } from '../core/spaces.ts'
import { POD_SECURITY_LABEL } from './inject/warnings.ts'

/** By these the copy works itself. */
function identityOf({ name, namespace, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  }
}

/** Other labels tell nothing, and other annotations are long: what `kubectl apply` has last applied, for one. */
const OURS = 'azds.io/'

function oursOf(map: Readonly<Record<string, string>> = {}, more = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).filter(([key]) => key.startsWith(OURS) || key === more),
  )
}

/** Most namespaces are no spaces, and nothing is injected there: that they are there is all that is kept. */
export function keptOfNamespace({ metadata }: Namespace): Namespace {
  const { name = '', labels, annotations } = metadata
  const identity = identityOf(metadata)
  if (!spaceOf(name, labels)) return { metadata: identity }
  const ours = oursOf(annotations)
  return {
    metadata: {
      ...identity,
      labels: oursOf(labels, POD_SECURITY_LABEL),
      ...(Object.keys(ours).length > 0 && { annotations: ours }),
    },
  }
}

/** A node's list of images alone is longer than all else that we keep. */
export function keptOfNode({ metadata, status }: KubeNode): KubeNode {
  const type = metadata.labels?.['type']
  const { kubeletVersion, operatingSystem } = status?.nodeInfo ?? {}
  return {
    metadata: { ...identityOf(metadata), ...(type !== undefined && { labels: { type } }) },
    ...(status?.nodeInfo && {
      status: {
        nodeInfo: {
          ...(kubeletVersion !== undefined && { kubeletVersion }),
          ...(operatingSystem !== undefined && { operatingSystem }),
        },
      },
    }),
  }
}

/**
 * Some 300 bytes. All namespaces' are kept, because a namespace may become a space at any moment, and the
 * pod that comes next must find its Services known.
 */
export function keptOfService({ metadata, spec }: Service): Service {
  const { type, selector, ports } = spec
  return {
    metadata: identityOf(metadata),
    spec: {
      ...(type !== undefined && { type }),
      ...(selector !== undefined && { selector }),
      ...(ports !== undefined && { ports }),
    },
  }
}

export function keptOfQuota({ metadata, spec, status }: ResourceQuota): ResourceQuota {
  return { metadata: identityOf(metadata), ...(spec && { spec }), ...(status && { status }) }
}

export function keptOfLimitRange({ metadata, spec }: LimitRange): LimitRange {
  return { metadata: identityOf(metadata), ...(spec && { spec }) }
}
