/**
 * What the webhook's copies keep of each object: what an injection reads, and no more. A cluster of 10,000
 * namespaces so fits in some ten megabytes.
 */
import type {
  KubeNode,
  LimitRange,
  Namespace,
  ObjectMeta,
  ResourceQuota,
  Service,
} from '../core/kube/types.ts'

/** By these the copy works itself. */
function identityOf({ name, namespace, resourceVersion }: ObjectMeta): ObjectMeta {
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  }
}

/** Other annotations are long: what `kubectl apply` has last applied, for one. */
const OUR_ANNOTATIONS = 'azds.io/'

/** Labels are kept whole: Pod Security has its own, and they are short. */
export function keptOfNamespace({ metadata }: Namespace): Namespace {
  const { labels, annotations = {} } = metadata
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(OUR_ANNOTATIONS))
  return {
    metadata: {
      ...identityOf(metadata),
      ...(labels && { labels }),
      ...(ours.length > 0 && { annotations: Object.fromEntries(ours) }),
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
