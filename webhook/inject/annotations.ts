/**
 * Reads our annotations of a pod (and those of its namespace that serve as defaults) into settings.
 * A malformed one is an error that names the field, never a silent default.
 */
import { LOG_LEVELS, type LogLevel } from '../../core/config.ts'
import type { Pod } from '../../core/kube/types.ts'
import { ANNOTATION, type BuildRequest } from '../../core/names.ts'
import { parseBuildRequest } from './build-request.ts'
import type { FieldError, InjectionFacts } from './facts.ts'
import type { Layout } from './layout.ts'
import { cidrList, opaquePortList, portList, uidList } from './lists.ts'
import { BUILD_RESOURCES, type ContainerResources, parseResources, withinPod } from './resources.ts'

export interface PodSettings {
  proxyResources: ContainerResources
  buildResources: ContainerResources
  build: BuildRequest | null
  /** Null where the pod leaves the choice to the webhook. */
  layout: Layout | null
  /** The lists as proxy-init reads them; null where the pod has none. */
  skipInboundPorts: string | null
  opaquePorts: string | null
  /** Read only where the pod has no list of its own. */
  namespaceOpaquePorts: string | null
  skipOutboundPorts: string | null
  skipInboundCidrs: string | null
  skipOutboundCidrs: string | null
  skipOutboundUids: string | null
  traceBodyBytes: number
  proxyLogLevel: LogLevel
}

export type SettingsResult =
  | { ok: true; settings: PodSettings; warnings: string[] }
  | { ok: false; errors: FieldError[] }

/** A trace keeps at most this much of a body: 64 KiB, so that a record stays below the feed's line limit. */
const MAX_TRACE_BODY_BYTES = 65_536

const OUR_PREFIX = 'azds.io/'
const KNOWN: readonly string[] = Object.values(ANNOTATION)

export function readAnnotations(pod: Pod, facts: InjectionFacts): SettingsResult {
  const errors: FieldError[] = []
  const read = reader(pod, facts, errors)
  const own = read.ofPod
  const proxyResources = withinPod(facts.proxyResources, pod.spec)
  const settings: PodSettings = {
    proxyResources: own(ANNOTATION.proxyResources, proxyResources, (text) => {
      const result = parseResources(text, proxyResources)
      return result.ok ? { ok: true, value: result.resources } : result
    }),
    buildResources: withinPod(BUILD_RESOURCES, pod.spec),
    build: own<BuildRequest | null>(ANNOTATION.build, null, parseBuildRequest),
    layout: own<Layout | null>(ANNOTATION.layout, null, word('native', 'classic')),
    skipInboundPorts: own<string | null>(ANNOTATION.skipInboundPorts, null, portList),
    opaquePorts: own<string | null>(ANNOTATION.opaquePorts, null, opaquePortList),
    namespaceOpaquePorts: read.ofNamespace<string | null>(
      ANNOTATION.opaquePorts,
      null,
      opaquePortList,
    ),
    skipOutboundPorts: own<string | null>(ANNOTATION.skipOutboundPorts, null, portList),
    skipInboundCidrs: own<string | null>(ANNOTATION.skipInboundCidrs, null, cidrList),
    skipOutboundCidrs: own<string | null>(ANNOTATION.skipOutboundCidrs, null, cidrList),
    skipOutboundUids: own<string | null>(ANNOTATION.skipOutboundUids, null, uidList),
    traceBodyBytes: read.ofPodOrNamespace(ANNOTATION.traceBodyBytes, 0, bodyBytes),
    proxyLogLevel: read.ofPodOrNamespace(
      ANNOTATION.proxyLogLevel,
      facts.proxyLogLevel,
      word(...LOG_LEVELS),
    ),
  }
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, settings, warnings: unknownAnnotations(pod) }
}

type Parse<T> = (text: string) => { ok: true; value: T } | { ok: false; message: string }

function reader(pod: Pod, facts: InjectionFacts, errors: FieldError[]) {
  const parse = <T>(field: string, text: string, fallback: T, parser: Parse<T>): T => {
    const result = parser(text)
    if (result.ok) return result.value
    errors.push({ field, message: result.message })
    return fallback
  }
  const ofPod = <T>(key: string, fallback: T, parser: Parse<T>): T => {
    const text = annotationOf(pod, key)
    return text === undefined ? fallback : parse(annotationField(key), text, fallback, parser)
  }
  /** The namespace's value, which is not even read where the pod has one of its own. */
  const ofNamespace = <T>(key: string, fallback: T, parser: Parse<T>): T => {
    const text = facts.namespace.annotations[key]
    if (text === undefined || annotationOf(pod, key) !== undefined) return fallback
    const field = `namespace "${facts.namespace.name}" ${annotationField(key)}`
    return parse(field, text, fallback, parser)
  }
  const ofPodOrNamespace = <T>(key: string, fallback: T, parser: Parse<T>): T =>
    ofPod(key, ofNamespace(key, fallback, parser), parser)
  return { ofPod, ofNamespace, ofPodOrNamespace }
}

/** A null in the map is read as the API server reads it: as the empty string. */
function annotationOf({ metadata }: Pod, key: string): string | undefined {
  const text: string | null | undefined = metadata.annotations?.[key]
  return text === null ? '' : text
}

export function annotationField(key: string): string {
  return `metadata.annotations["${key}"]`
}

const word =
  <const T extends string>(...words: readonly T[]): Parse<T> =>
  (text) => {
    const value = words.find((candidate) => candidate === text)
    if (value !== undefined) return { ok: true, value }
    return { ok: false, message: `"${text}" is not one of ${words.join(', ')}` }
  }

const bodyBytes: Parse<number> = (text) => {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (value <= MAX_TRACE_BODY_BYTES) return { ok: true, value }
  return { ok: false, message: `"${text}" is not a whole number from 0 to ${MAX_TRACE_BODY_BYTES}` }
}

/** A typing mistake in a name would otherwise be a setting that silently does nothing. */
function unknownAnnotations(pod: Pod): string[] {
  return Object.keys(pod.metadata.annotations ?? {})
    .filter((key) => key.startsWith(OUR_PREFIX) && !KNOWN.includes(key))
    .map((key) => `${annotationField(key)} is not known and has no effect`)
}
