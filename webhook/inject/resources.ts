/** Resources of the injected containers: the defaults, and the reader of `{"Limits": …, "Requests": …}`. */
import type { PodSpec } from '../../core/kube/types.ts'
import { isObject, parseObject } from './json.ts'
import { quantity } from './quantity.ts'

export interface ContainerResources {
  limits: Record<string, string>
  requests: Record<string, string>
}

/**
 * Defaults of the sidecar. Every container needs requests, or the HPA cannot compute the pod's usage.
 * - Request 20m: an idle sidecar is woken only by probes and by the routing feed's heartbeat.
 * - Request 96Mi: resident size of an idle Node process with the proxy's bundle is 60 to 80 MiB.
 * - Limit 1 CPU: the proxy is one event loop; more than one core it can hardly use.
 * - Limit 256Mi: idle size, 2 x 64 KiB of buffers for each of 1000 connections (125 MiB), and room for
 *   the bounded trace queue.
 */
export const DEFAULT_PROXY_RESOURCES =
  '{"Limits":{"cpu":"1","memory":"256Mi"},"Requests":{"cpu":"20m","memory":"96Mi"}}'

/**
 * Resources of the build container, which unpacks an archive and drives the node's builder. They end
 * with it, so they only matter for scheduling where they exceed the app's own.
 */
export const BUILD_RESOURCES: ContainerResources = {
  limits: { cpu: '2', memory: '1Gi' },
  requests: { cpu: '100m', memory: '128Mi' },
}

const RESOURCE_NAMES = ['cpu', 'memory', 'ephemeral-storage']

export type ResourcesResult =
  | { ok: true; resources: ContainerResources }
  | { ok: false; message: string }

/**
 * Reads `{"Limits": {...}, "Requests": {...}}` over defaults. Where only one of request and limit is
 * given, the default of the other gives way, so that a request never exceeds its limit.
 */
export function parseResources(text: string, defaults: ContainerResources | null): ResourcesResult {
  const value = parseObject(text)
  const example =
    'expected JSON such as {"Limits":{"cpu":"300m","memory":"400Mi"},"Requests":{"cpu":"150m","memory":"200Mi"}}'
  if (!value) return { ok: false, message: `is not a JSON object: ${example}` }
  for (const key of Object.keys(value)) {
    if (key === 'Limits' || key === 'Requests') continue
    return { ok: false, message: `has the unknown key "${key}": ${example}` }
  }
  for (const key of ['Limits', 'Requests'] as const) {
    const fault = faultOf(key, value[key])
    if (fault) return { ok: false, message: fault }
  }
  const limits = (value['Limits'] ?? {}) as Record<string, string>
  const requests = (value['Requests'] ?? {}) as Record<string, string>
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit === undefined || amount(request) <= amount(limit)) continue
    return {
      ok: false,
      message: `Requests.${name} ${request} is more than Limits.${name} ${limit}`,
    }
  }
  return { ok: true, resources: overDefaults({ limits, requests }, defaults) }
}

function faultOf(key: string, part: unknown): string | null {
  if (part === undefined) return null
  if (!isObject(part)) return `${key} is not an object`
  for (const [name, value] of Object.entries(part)) {
    if (!RESOURCE_NAMES.includes(name))
      return `${key} has the unknown resource "${name}": expected ${RESOURCE_NAMES.join(', ')}`
    if (typeof value !== 'string' || quantity(value) === null)
      return `${key}.${name} is ${JSON.stringify(value)}: expected a positive quantity such as "150m" or "200Mi"`
  }
  return null
}

/**
 * Our share where the pod names resources for all its containers together: those it names are left
 * out, because the API server refuses a pod whose containers ask for more than the pod as a whole.
 */
export function withinPod(own: ContainerResources, { resources }: PodSpec): ContainerResources {
  const named = new Set([
    ...Object.keys(resources?.limits ?? {}),
    ...Object.keys(resources?.requests ?? {}),
  ])
  const rest = (amounts: Record<string, string>) =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !named.has(name)))
  return { limits: rest(own.limits), requests: rest(own.requests) }
}

const amount = (text: string): number => quantity(text) ?? 0

function overDefaults(
  given: ContainerResources,
  defaults: ContainerResources | null,
): ContainerResources {
  const limits: Record<string, string> = { ...defaults?.limits, ...given.limits }
  const requests: Record<string, string> = { ...defaults?.requests, ...given.requests }
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit === undefined || amount(request) <= amount(limit)) continue
    if (given.requests[name] === undefined) requests[name] = limit
    else limits[name] = request
  }
  return { limits, requests }
}
