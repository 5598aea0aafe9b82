/**
 * What the controller streams to each sidecar: its tree's spaces and services, as one snapshot and
 * then deltas, one JSON object a line over `GET /v1/feed`.
 */
import type { Space } from './spaces.ts'

export interface FeedPort {
  /** The port's name in the Service; empty if it has none. */
  name: string
  /** The Service's port. */
  port: number
  /** `appProtocol` of the Service port, or empty. */
  appProtocol: string
  /** How many endpoints are ready behind this port. */
  ready: number
  /** Ready endpoints as `ip:port` (`[v6]:port`); filled only for headless Services. */
  endpoints: string[]
}

export interface FeedService {
  space: string
  name: string
  /** Cluster IPs of both families; empty for a headless Service. */
  clusterIPs: string[]
  ports: FeedPort[]
}

/** A Service port that selects the pod which the feed is for. */
export interface SelfPort {
  service: string
  port: number
  /** The port inside the pod, where inbound connections arrive. */
  targetPort: number
}

/** Identifies a table's state; it grows, and a new `epoch` starts it again (controller restarted). */
export interface FeedVersion {
  epoch: string
  number: number
}

export type FeedMessage =
  | {
      type: 'snapshot'
      version: FeedVersion
      spaces: Space[]
      services: FeedService[]
      self: SelfPort[]
      /** True if the pod is being deleted: no Service leads to it any more. */
      leaving?: boolean
    }
  | {
      type: 'delta'
      version: FeedVersion
      /** Spaces that are new or changed, and names of those gone. */
      spaces: { put: Space[]; remove: string[] }
      /** Services that are new or changed, whole, and `space/name` of those gone. */
      services: { put: FeedService[]; remove: string[] }
      /** The new list, if it changed. */
      self: SelfPort[] | null
      /** True from when the pod is being deleted. */
      leaving?: boolean
    }
  | { type: 'heartbeat'; version: FeedVersion }

/** A heartbeat comes at least this often (ms); a reader reconnects after three times as long. */
export const FEED_HEARTBEAT_MS = 10_000

/**
 * Query of `GET /v1/feed`. A sidecar names its namespace and pod and gets its own tree; the
 * gateway asks with `scope=all` and gets every tree, and no `self`.
 */
export interface FeedQuery {
  namespace?: string
  pod?: string
  scope?: 'tree' | 'all'
}

/** `space/name`, the key of a service in deltas and tables. */
export function serviceKey(space: string, name: string): string {
  return `${space}/${name}`
}
